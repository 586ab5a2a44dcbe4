// Inputs that kernels or the check once got wrong, from tests/cases, with what is right.
#include <cmath>
#include <filesystem>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

struct Case {
  Plan plan;
  std::vector<HostTensor> tensors;

  Case(const std::string& problem, const std::string& config) : plan(plan_for(problem, config)) {
    tensors = workload(plan.buffers, 7);
  }
  Case& read(size_t tensor, const std::string& file) {
    const std::filesystem::path cases(std::string(WARPFINCH_SOURCE_DIR) + "/tests/cases");
    tensors[tensor] = read_npy(cases / file, plan.buffers[tensor]);
    return *this;
  }
  void run_and_check() {
    expect_clean_and_right(kernels_of(plan), plan, tensors, {.threads = machine_threads()});
  }
};

TEST(Cases, a_NaN_in_q_makes_o_and_lse_NaN) {
  const std::string problem = "attention_forward q_len=1 kv_len=8 head_dim=64 lse=true";
  for (const char* config : {"consumer_warpgroups=1 key_tile=64 max_policy=always",
                             "consumer_warpgroups=1 key_tile=64 max_policy=speculative"}) {
    Case it(problem, config);
    it.read(0, "nan_q.npy").run_and_check();
    EXPECT_TRUE(std::isnan(load_element(it.tensors[3], 0)));
    EXPECT_TRUE(std::isnan(load_element(it.tensors[4], 0)));
  }
}

// As padding usually is: the row is uniform.
TEST(Cases, a_softmax_row_that_is_wholly_the_lowest_finite_number) {
  for (const char* file : {"lowest.npy", "half_lowest.npy"}) {
    SCOPED_TRACE(file);
    Case it("softmax rows=1 columns=8 dtype=fp32", "warps=2 column_tile=64 tile_order=flat");
    it.read(0, file).run_and_check();
    for (int64_t j = 0; j < 8; ++j) EXPECT_NEAR(load_element(it.tensors[1], j), 0.125, 1e-7);
  }
}

// Scores of 128000 and a little more, in two tiles, whose shifts are rounded to different sides.
TEST(Cases, scores_of_128000_in_two_tiles) {
  for (const char* more :
       {"always", "conditional", "speculative", "sum_guard", "first_tile", "speculative kv_splits=2"}) {
    SCOPED_TRACE(more);
    Case it("attention_forward q_len=64 kv_len=128 head_dim=64 dtype=fp16",
            std::string("consumer_warpgroups=1 key_tile=64 k_stages=2 v_stages=2 order=pv_first "
                        "tile_order=flat reference=") +
                more);
    it.read(0, "large_q.npy").read(1, "large_k.npy").read(2, "large_v.npy").run_and_check();
  }
}

// Its weights are 1 / 50007, which fp16 rounds by 0.15 %; the sum has to count what is left of them.
TEST(Cases, weights_of_three_kernels_that_fp16_rounds) {
  const std::string problem = "attention_three_kernel q_len=1 kv_len=50007 head_dim=16 dtype=fp16";
  Case it(problem, to_text(default_config(parse_problem(problem))));
  it.tensors = workload(it.plan.buffers, 7, 1, InputKind::constant);
  it.run_and_check();
}

}  // namespace
}  // namespace warpfinch::emulator
