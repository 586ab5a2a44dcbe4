// The golden kernels' configs, on problems small enough for the emulator: no hazard, right numbers, the same
// bits under every schedule.
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

struct Pair {
  std::string name, problem, config;
};
class EmulatedPair : public testing::TestWithParam<Pair> {};

TEST_P(EmulatedPair, runs_clean_and_right_under_every_schedule) {
  expect_right(GetParam().problem, GetParam().config);
}

const Pair kPairs[] = {
    {"gemm_tn", "gemm m=256 n=512 k=192", "consumers=2 n_tile=256 k_tile=64 stages=3 tile_order=static"},
    {"gemm_nn_bias_gelu_odd", "gemm batch=2 m=130 n=201 k=100 layout=nn epilogue=bias_gelu alpha=0.5",
     "consumers=1 n_tile=64 k_tile=32 stages=3"},
    {"softmax_long_causal", "softmax batch=2 rows=100 columns=1500 mask=causal scale=0.5",
     "warps=4 column_tile=128"},
    {"attention_d64_baton", "attention_forward q_heads=2 q_len=512 head_dim=64 dtype=fp16",
     "consumers=4 key_tile=64 k_stages=4 v_stages=4 order=s1 baton=issue reference=r1"},
    {"attention_causal_gqa_lse",
     "attention_forward batch=1 q_heads=4 kv_heads=2 q_len=277 head_dim=128 mask=causal lse=true",
     "consumers=2 key_tile=128 order=s1 mask_loop=split tile_order=static"},
    {"attention_s0_branch_ld",
     "attention_forward q_heads=2 q_len=77 kv_len=333 head_dim=64 mask=causal_top_left",
     "consumers=3 key_tile=64 order=s0 mask_loop=branch copy=ld"},
    {"three_kernel", "attention_three_kernel q_heads=4 kv_heads=2 q_len=150 head_dim=64 lse=true",
     "gemm:{consumers=2 n_tile=128} softmax:{warps=4} gemm:{consumers=1 n_tile=64}"},
};
INSTANTIATE_TEST_SUITE_P(Goldens, EmulatedPair, testing::ValuesIn(kPairs),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace warpfinch::emulator
