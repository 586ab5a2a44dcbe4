// Whole kernels with mma.sync, with and without a copy engine: right under every schedule, and what stands
// between a copy and a product is needed.
#include <gmock/gmock.h>

#include "tests/emulator/emulated.hpp"
#include "tests/runtime/mma_sync_kernels.hpp"

namespace warpfinch::emulator {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

void expect_right(const Plan& plan) {
  SCOPED_TRACE(plan.problem + " / " + plan.config);
  const auto kernels = kernels_of(plan);
  for (uint64_t seed : {0, 1, 2}) {
    std::vector<HostTensor> tensors = workload(plan.buffers, 7);
    expect_clean_and_right(kernels, plan, tensors, {.schedule_seed = seed, .threads = machine_threads()});
  }
}

bool includes(const CudaSource& source, std::string_view name) {
  return std::any_of(source.headers.begin(), source.headers.end(),
                     [&](const Header& header) { return header.name == name; });
}

TEST(MmaSyncKernels, headers_follow_from_what_a_target_can_do) {
  const CudaSource ampere = hand_written_gemm(target_by_name("sm_80")).launches[0].source;
  for (const Header& header : ampere.headers) {
    EXPECT_FALSE(header.name.starts_with("sm90/")) << header.name;
    EXPECT_FALSE(header.text.empty()) << header.name;
  }
  EXPECT_TRUE(includes(ampere, "sm80/mma.cuh"));
  EXPECT_FALSE(includes(ampere, "wgmma.cuh"));
  const CudaSource hopper = hand_written_gemm(target_by_name("sm_90")).launches[0].source;
  for (const char* name : {"sm90/ptx.cuh", "sm90/tma.cuh", "sm80/mma.cuh", "cp_async.cuh"})
    EXPECT_TRUE(includes(hopper, name)) << name;
  EXPECT_FALSE(includes(hopper, "sm80/ptx.cuh"));
  EXPECT_FALSE(includes(hopper, "wgmma.cuh"));
}

TEST(MmaSyncKernels, gemm_by_hand_is_right) {
  expect_right(hand_written_gemm(target_by_name("sm_80")));
  expect_right(hand_written_gemm(target_by_name("sm_90")));
}

// Copies by threads.
TEST(MmaSyncKernels, kernels_without_a_copy_engine_are_right) {
  const Target target = target_by_name("sm_80");
  for (const auto& [problem, config] : std::vector<std::pair<std::string, std::string>>{
           {"gemm m=150 n=136 k=200", "consumer_warpgroups=2 n_tile=64 k_tile=64 stages=3 copy=ld"},
           {"attention_forward q_heads=2 q_len=130 kv_len=200 head_dim=64",
            "consumer_warpgroups=2 key_tile=64 staging=none copy=ld"},
           {"attention_forward q_heads=4 kv_heads=2 q_len=150 head_dim=128 mask=causal lse=true",
            "consumer_warpgroups=2 key_tile=64 pingpong=issue tile_order=static staging=none copy=ld"},
           {"attention_forward q_heads=2 q_len=70 kv_len=140 head_dim=96 dtype=fp16",
            "consumer_warpgroups=1 key_tile=48 max_policy=first_tile tile_order=dynamic staging=none "
            "copy=ld"},
           {"attention_forward q_heads=2 q_len=130 kv_len=150 head_dim=80",
            "consumer_warpgroups=1 key_tile=64 max_policy=speculative q_in=registers staging=none copy=ld"},
           {"attention_forward q_heads=2 q_len=130 kv_len=150 head_dim=64",
            "consumer_warpgroups=2 key_tile=64 max_policy=sum_guard p_in=shared staging=none copy=ld"},
           // Two products with P in a row, and nothing else that joins a warp between them.
           {"attention_forward q_heads=2 q_len=130 kv_len=250 head_dim=64",
            "consumer_warpgroups=2 key_tile=64 stage_tiles=2 order=qk_first p_in=shared staging=none "
            "copy=ld"}})
    expect_right(plan_of(problem, config, target));
}

TEST(MmaSyncKernels, kernels_with_a_copy_engine_are_right) {
  const Target target = target_by_name("sm_120");
  for (const auto& [problem, config] : std::vector<std::pair<std::string, std::string>>{
           {"gemm m=150 n=136 k=200 layout=nn", "consumer_warpgroups=2 n_tile=64 k_tile=64 stages=3"},
           {"attention_forward q_heads=2 q_len=300 head_dim=64 mask=causal",
            "consumer_warpgroups=2 key_tile=64 tile_order=dynamic stage_tiles=2 max_policy=first_tile"},
           {"attention_forward q_heads=2 q_len=130 kv_len=150 head_dim=64",
            "consumer_warpgroups=2 key_tile=64 copy=cp_async"}})
    expect_right(plan_of(problem, config, target));
}

// --- planted faults ----------------------------------------------------------------------------------------
std::string found_with(const std::string& from, const std::string& to) {
  Plan plan = hand_written_gemm(target_by_name("sm_80"));
  replace_all(plan.launches[0].source.kernel, from, to);
  return kinds_under_schedules(plan);
}

// Who waits for b has waited for a, too: an arrival comes behind all copies of its thread so far.
TEST(MmaSyncKernelFaults, tiles_are_waited_for) {
  EXPECT_THAT(found_with("wait(b_ring);", ""), AnyOf(HasSubstr("read in flight"), HasSubstr("data race")));
  EXPECT_EQ(found_with("wait(a_ring);", ""), "");
}

TEST(MmaSyncKernelFaults, stages_are_acquired_and_released) {
  EXPECT_THAT(found_with("acquire(a_ring);", ""), HasSubstr("data race"));
  EXPECT_THAT(found_with("release(b_ring);", "b_ring.next();"), HasSubstr("deadlock"));
  Plan plan = hand_written_gemm(target_by_name("sm_80"));
  std::string& kernel = plan.launches[0].source.kernel;
  replace_all(kernel, "      release(a_ring);\n", "");
  replace_all(kernel, "      mma<accumulate>(c_tile, a_ring.tile(),",
              "      const auto a_tile = a_ring.tile();\n      release(a_ring);\n"
              "      mma<accumulate>(c_tile, a_tile,");
  EXPECT_THAT(kinds_under_schedules(plan), HasSubstr("data race"));
}

TEST(MmaSyncKernelFaults, arrivals_tell_of_copies_that_have_landed) {
  EXPECT_THAT(found_with("publish_copies(b_ring);", "mbarrier_arrive(b_ring.full());"),
              AnyOf(HasSubstr("read in flight"), HasSubstr("data race")));
  EXPECT_THAT(found_with("publish_copies(a_ring);", ""), HasSubstr("deadlock"));
  EXPECT_THAT(found_with("cp_async_wait();", ""), HasSubstr("ends in flight"));
}

}  // namespace
}  // namespace warpfinch::emulator
