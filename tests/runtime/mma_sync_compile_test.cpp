// Kernels with mma.sync through the real compiler, for every chip that has it. No GPU is needed.
#include <gmock/gmock.h>

#include "runtime/compiler.hpp"
#include "tests/generator/goldens.hpp"
#include "tests/runtime/mma_sync_kernels.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

class MmaSyncChip : public testing::TestWithParam<Target> {};

// Without a warning or a spill.
void expect_good_kernel(const CudaSource& source) {
  std::string why;
  if (nvrtc_version(&why).empty()) GTEST_SKIP() << "skipped: " << why;
  TemporaryFolder folder;
  KernelCache cache(folder.path());
  const auto kernel = compile(source, cache);
  ASSERT_TRUE(kernel) << kernel.rejection().reason;
  EXPECT_EQ(kernel->log.find("warning"), std::string::npos) << kernel->log;
  EXPECT_TRUE(kernel->resources.warnings.empty()) << kernel->resources.warnings[0];
  EXPECT_FALSE(check_resources(*kernel));
}

TEST_P(MmaSyncChip, compiles_gemm_by_hand) {
  expect_good_kernel(hand_written_gemm(GetParam()).launches[0].source);
}

TEST_P(MmaSyncChip, compiles_every_primitive_of_attention) {
  const std::string problem =
      "attention_forward q_heads=4 kv_heads=2 q_len=300 head_dim=64 mask=causal lse=true";
  for (const char* config :
       {"consumer_warpgroups=2 key_tile=64 max_policy=first_tile tile_order=dynamic staging=none copy=ld",
        "consumer_warpgroups=1 key_tile=48 max_policy=sum_guard p_in=shared staging=none copy=ld"})
    expect_good_kernel(plan_of(problem, config, GetParam()).launches[0].source);
  if (GetParam().tma)
    expect_good_kernel(
        plan_of(problem, "consumer_warpgroups=2 key_tile=64 stage_tiles=2", GetParam()).launches[0].source);
}

// The pairs of the golden files on every row that takes them: no warning, and what fits into the row's
// limits. Speed is not asked here, so that spills are not looked at.
class GoldenOnEveryChip : public testing::TestWithParam<Golden> {};

TEST_P(GoldenOnEveryChip, compiles_where_it_is_legal) {
  std::string why;
  if (nvrtc_version(&why).empty()) GTEST_SKIP() << "skipped: " << why;
  TemporaryFolder folder;
  KernelCache cache(folder.path());
  const Problem problem = parse_problem(GetParam().problem);
  int legal = 0;
  for (const Target& target : mma_sync_targets()) {
    const auto plan = generate(problem, parse_config(GetParam().config, problem), target);
    if (!plan) continue;
    ++legal;
    for (const Launch& launch : plan->launches) {
      const auto kernel = compile(launch.source, cache);
      ASSERT_TRUE(kernel) << target.name << ": " << kernel.rejection().reason;
      EXPECT_EQ(kernel->log.find("warning"), std::string::npos) << target.name << ": " << kernel->log;
      const Resources& used = kernel->resources;
      EXPECT_LE(launch.shared_bytes + used.static_shared_bytes, target.shared_bytes_per_block);
      EXPECT_LE(used.registers, target.max_registers_per_thread);
      EXPECT_LE(static_cast<int64_t>(used.registers) * launch.threads * launch.blocks_per_multiprocessor,
                target.registers_per_multiprocessor);
      EXPECT_LE(used.barriers, target.named_barriers);
    }
  }
  if (legal == 0) std::printf("%s is legal on no row with mma.sync\n", GetParam().name.c_str());
}

INSTANTIATE_TEST_SUITE_P(Goldens, GoldenOnEveryChip, testing::ValuesIn(goldens()),
                         [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(Chips, MmaSyncChip, testing::ValuesIn(mma_sync_targets()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace warpfinch
