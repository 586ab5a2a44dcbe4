#include <fmt/format.h>

#include "generator/generate.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "tools/mutants/mutant.hpp"

namespace warpfinch::mutants {
namespace {

struct Pair {
  const char* name;
  const char* problem;
  const char* config;
  double spread = 1;
};

// Persistent wherever there is a ring, with several tiles for each block: what a flat kernel's last tile
// leaves undone nobody would miss.
constexpr Pair kPairs[] = {
    // TMA both ways; staging waits for its stores.
    {"gemm_static", "gemm m=600 n=300 k=960",
     "consumer_warpgroups=2 n_tile=128 k_tile=64 stages=3 group=8 tile_order=static"},
    // Rows that TMA cannot take: the producer's 128 threads store, publish and fence.
    {"gemm_ld", "gemm m=150 n=130 k=201 layout=nn epilogue=bias_gelu",
     "consumer_warpgroups=1 n_tile=64 k_tile=32 stages=3 group=8 tile_order=static"},
    // No shared memory: what can go wrong is between the lanes of a warp.
    {"softmax", "softmax rows=100 columns=300 mask=causal", "warps=4 column_tile=128 tile_order=flat"},
    {"attention_pv_first", "attention_forward q_heads=10 q_len=200 kv_len=330 head_dim=64",
     "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=3 order=pv_first pingpong=none max_policy=always "
     "tile_order=static "
     "mask_loop=split"},
    {"attention_pingpong", "attention_forward q_heads=10 q_len=200 kv_len=330 head_dim=64 dtype=fp16",
     "consumer_warpgroups=2 key_tile=64 k_stages=4 v_stages=3 order=qk_first pingpong=issue "
     "max_policy=conditional tile_order=static "
     "mask_loop=split"},
    {"attention_causal", "attention_forward q_heads=4 kv_heads=2 q_len=300 head_dim=128 mask=causal lse=true",
     "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=2 order=qk_first pingpong=none max_policy=always "
     "tile_order=static "
     "mask_loop=split"},
    {"attention_ld", "attention_forward q_heads=8 q_len=77 kv_len=300 head_dim=64 mask=causal",
     "consumer_warpgroups=1 key_tile=64 k_stages=2 v_stages=2 order=pv_first pingpong=none max_policy=always "
     "tile_order=static "
     "mask_loop=branch copy=ld"},
    // What shipped configs for causal masks are: listed tiles, bounds of each warpgroup, two key tiles a
    // stage, a vote on the exponentials.
    {"attention_softmax_first", "attention_forward q_heads=6 q_len=330 kv_len=450 head_dim=64 mask=causal",
     "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=2 order=softmax_first pingpong=issue "
     "max_policy=speculative tile_order=balanced "
     "mask_loop=split staging=own extents=warpgroup stage_tiles=2 q_stages=2",
     200},
    // Tiles that blocks claim as they go, with Q held in registers. A ring holds the keys of two tiles, so
    // that K and V do not order what happens to Q and to claims as well.
    {"attention_claims", "attention_forward q_heads=10 q_len=300 kv_len=100 head_dim=64",
     "consumer_warpgroups=2 key_tile=32 k_stages=8 v_stages=8 order=qk_first pingpong=issue "
     "max_policy=conditional tile_order=dynamic "
     "mask_loop=split staging=own q_stages=2 q_in=registers"},
    // The producer's threads fill the tiles by cp.async, which arrive when they land.
    {"attention_cp_async", "attention_forward q_heads=10 q_len=200 kv_len=330 head_dim=64",
     "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=2 order=qk_first pingpong=none max_policy=always "
     "tile_order=static "
     "mask_loop=split copy=cp_async"},
    // Two blocks load keys and values once for both, and do tiles again together.
    {"attention_cluster", "attention_forward q_heads=6 q_len=300 kv_len=330 head_dim=128",
     "consumer_warpgroups=1 key_tile=64 k_stages=2 v_stages=2 order=qk_first pingpong=none "
     "max_policy=first_tile tile_order=static "
     "mask_loop=split staging=own cluster=2",
     6},
    // P goes through shared memory, which the warps of a warpgroup join behind.
    {"attention_p_shared", "attention_forward q_heads=10 q_len=200 kv_len=330 head_dim=64",
     "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=2 order=qk_first pingpong=issue "
     "max_policy=sum_guard tile_order=static "
     "mask_loop=split p_in=shared",
     12},
    // Three programs; the one for the scores writes fp32.
    {"three_kernel", "attention_three_kernel q_heads=4 kv_heads=2 q_len=100 kv_len=150 head_dim=64 lse=true",
     "gemm:{consumer_warpgroups=1 n_tile=64 k_tile=32 stages=2 group=8 tile_order=static} "
     "softmax:{warps=2 column_tile=64 tile_order=static} "
     "gemm:{consumer_warpgroups=1 n_tile=64 k_tile=32 stages=2 group=8 tile_order=static}"},
};

Original original(const Pair& pair) {
  const Problem problem = parse_problem(pair.problem);
  const Target target = Device::open("emulator:sm_90a")->target();
  Expected<Plan> plan = generate(problem, parse_config(pair.config, problem), target);
  if (!plan)
    fail_input(fmt::format("{}: {}: {}", pair.name, plan.rejection().stage, plan.rejection().reason));
  return {pair.name, problem, std::move(*plan), pair.spread};
}

}  // namespace

std::vector<Original> originals() {
  std::vector<Original> all;
  for (const Pair& pair : kPairs) all.push_back(original(pair));
  return all;
}

}  // namespace warpfinch::mutants
