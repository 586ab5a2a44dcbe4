// The ends of what a scale may be: kernels hold its product with log2(e) as fp32, and hidden keys are -inf.
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

void expect_right(const std::string& problem, const std::string& config) {
  SCOPED_TRACE(problem + " / " + config);
  const Plan plan = plan_for(problem, config);
  std::vector<HostTensor> tensors = workload(plan.buffers, 7);
  expect_clean_and_right(kernels_of(plan), plan, tensors, {.threads = machine_threads()});
}

// All visible keys weigh the same.
TEST(Scales, the_smallest_one_is_right) {
  const std::string problem =
      "attention_forward q_len=70 head_dim=32 dtype=fp16 mask=causal lse=true scale=7e-31";
  expect_right(problem, "consumer_warpgroups=1 key_tile=32 max_policy=always");
  expect_right(problem, "consumer_warpgroups=1 key_tile=32 max_policy=speculative");
  // More than 1024 equal keys raise the reference by what their sums grew.
  expect_right("attention_forward q_len=16 kv_len=1200 head_dim=16 dtype=fp16 scale=7e-31",
               "consumer_warpgroups=1 key_tile=64 max_policy=sum_guard");
  expect_right("softmax rows=20 columns=50 dtype=fp32 mask=causal scale=7e-31", "");
}

// An alpha of 0 is none that products are divided by, or hidden with: what is left is the bias.
TEST(Scales, an_alpha_of_zero_leaves_the_bias) {
  expect_right("gemm m=70 n=40 k=64 alpha=0 epilogue=bias output=fp32", "consumer_warpgroups=1 n_tile=64");
}

}  // namespace
}  // namespace warpfinch::emulator
