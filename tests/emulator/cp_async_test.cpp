// Attention and gemm whose producer issues cp.async (copy=cp_async): right and without hazard, beside the
// copy engine and beside threads that load, and caught where the fence or the arrival is missing.
#include <gmock/gmock.h>

#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

// --- the leaves --------------------------------------------------------------------------------------------
// Threads bring 16 bytes each and arrive; `wait` stands in front of who reads his neighbour's.
std::string brought(const std::string& arrive, const std::string& wait) {
  return "  const u32 bar = shared_base(), at = bar + 64;\n  const int i = thread_index();\n"
         "  if (i == 0) {\n    mbarrier_init(bar, 32);\n    mbarrier_init_fence();\n  }\n  block_sync();\n"
         "  cp_async(at + 16 * i, a + 4 * i, i < 20 ? 16 : i < 21 ? 6 : 0);\n" +
         arrive + wait +
         "  st_global(b + i, ld_shared(at + 16 * ((i + 1) % 32) + 4));\n"
         "  cp_async_wait();\n";
}

std::string kinds(const std::string& body, Words& b) {
  std::string all;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    Words a = counting(128);
    const std::string found = kinds_of(run_by_hand({.body = body, .seed = seed}, {&a, &b}));
    if (all.find(found) == std::string::npos) all += (all.empty() ? "" : " | ") + found;
  }
  return all;
}

TEST(EmulatedCpAsync, who_waits_at_the_barrier_sees_the_copies) {
  Words b(32);
  EXPECT_EQ(kinds(brought("  cp_async_arrive(bar);\n", "  mbarrier_wait(bar, 0);\n"), b), "");
  EXPECT_EQ(b[5], 4u * 6 + 1);
  EXPECT_EQ(b[19], 81u & 0xffff) << "6 of 16 bytes are read";
  EXPECT_EQ(b[20], 0u) << "none are";
}

TEST(EmulatedCpAsync, nobody_else_does) {
  Words b(32);
  const std::string arrive = "  cp_async_arrive(bar);\n", wait = "  mbarrier_wait(bar, 0);\n";
  EXPECT_EQ(kinds(brought("", wait), b), "deadlock");
  EXPECT_THAT(kinds(brought("  mbarrier_arrive(bar);\n", wait), b), HasSubstr("data race"));
  EXPECT_THAT(kinds(brought(arrive, ""), b), HasSubstr("data race"));
}

// The arrival tells of the copies, and of nothing else that the thread did before it landed.
TEST(EmulatedCpAsync, arrivals_tell_of_the_copies_alone) {
  Words b(32);
  const std::string store = "  st_shared(at + 16 * i + 4, 7u);\n";
  const std::string body = brought("  cp_async_arrive(bar);\n", "  mbarrier_wait(bar, 0);\n");
  const std::string apart = "  cp_async(at + 512, a, 0);\n";
  const size_t copies = body.find("  cp_async(");
  EXPECT_THAT(kinds(body.substr(0, copies) + store + "  if (i == 0)\n  " + apart +
                        body.substr(body.find('\n', copies) + 1),
                    b),
              HasSubstr("data race"));
}

// --- kernels -----------------------------------------------------------------------------------------------
TEST(CpAsync, is_right_in_attention) {
  expect_right("attention_forward q_heads=2 q_len=130 kv_len=200 head_dim=64",
               "consumer_warpgroups=2 key_tile=64 copy=cp_async");
  expect_right("attention_forward q_heads=4 kv_heads=2 q_len=150 head_dim=128 mask=causal lse=true",
               "consumer_warpgroups=2 key_tile=64 pingpong=issue tile_order=static copy=cp_async");
  expect_right("attention_forward q_heads=2 q_len=70 kv_len=140 head_dim=96 dtype=fp16 mask=causal_top_left",
               "consumer_warpgroups=1 key_tile=48 order=pv_first max_policy=conditional mask_loop=branch "
               "copy=cp_async");
  expect_right("attention_forward q_heads=3 kv_heads=1 q_len=200 head_dim=32 mask=causal window_left=70",
               "consumer_warpgroups=1 key_tile=32 k_stages=1 v_stages=1 mask_loop=split copy=cp_async");
}

TEST(CpAsync, goes_with_every_other_choice) {
  expect_right("attention_forward q_heads=4 q_len=300 head_dim=64 mask=causal",
               "consumer_warpgroups=2 key_tile=64 max_policy=first_tile tile_order=dynamic mask_loop=branch "
               "extents=warpgroup "
               "stage_tiles=2 copy=cp_async");
  expect_right("attention_forward q_heads=2 q_len=300 kv_len=150 head_dim=80 dtype=fp16",
               "consumer_warpgroups=1 key_tile=64 max_policy=speculative tile_order=static staging=own "
               "q_stages=2 q_in=registers "
               "copy=cp_async");
  expect_right(
      "attention_forward q_heads=2 q_len=130 kv_len=150 head_dim=64",
      "consumer_warpgroups=2 key_tile=64 max_policy=sum_guard p_in=shared staging=none copy=cp_async");
  expect_right("attention_forward q_heads=8 kv_heads=2 q_len=20 kv_len=300 head_dim=64 mask=causal",
               "consumer_warpgroups=1 key_tile=32 pack_gqa=true kv_splits=2 copy=cp_async");
}

TEST(CpAsync, goes_beside_other_paths) {
  const std::string problem = "attention_forward q_heads=2 q_len=200 kv_len=150 head_dim=64 mask=causal";
  for (const char* paths : {"kv_copy=cp_async", "q_copy=cp_async", "q_copy=cp_async kv_copy=ld",
                            "copy=ld kv_copy=cp_async", "copy=cp_async q_copy=ld"})
    expect_right(problem, std::string("consumer_warpgroups=2 key_tile=64 tile_order=static ") + paths);
  expect_right("attention_forward q_heads=2 q_len=300 head_dim=64",
               "consumer_warpgroups=1 key_tile=64 cluster=2 q_copy=cp_async");
}

// Rows of K at no multiple of 16 bytes go by ld; V, whose heads all lie at one place, by cp.async.
TEST(CpAsync, leaves_odd_strides_to_ordinary_loads) {
  expect_right(
      "attention_forward q_heads=2 q_len=100 kv_len=90 head_dim=64 k_strides=12000,6000,66,1 "
      "v_strides=5760,0,64,1",
      "consumer_warpgroups=2 key_tile=64 copy=cp_async");
}

TEST(CpAsync, is_right_in_gemm) {
  expect_right("gemm m=150 n=136 k=200", "consumer_warpgroups=1 n_tile=64 k_tile=64 stages=3 copy=cp_async");
  expect_right("gemm batch=2 m=100 n=120 k=104 layout=nn epilogue=bias_gelu",
               "consumer_warpgroups=2 n_tile=64 k_tile=32 stages=2 tile_order=static copy=cp_async");
}

// --- planted faults ----------------------------------------------------------------------------------------
// Kinds of hazards over some schedules, with every `from` in the kernel, or in the header, replaced.
std::string found_with(const std::string& from, const std::string& to, bool in_kernel) {
  Plan plan = plan_for("attention_forward q_heads=1 q_len=64 kv_len=300 head_dim=64",
                       "consumer_warpgroups=1 key_tile=64 k_stages=2 v_stages=2 staging=none copy=cp_async");
  CudaSource& source = plan.launches[0].source;
  if (in_kernel) replace_all(source.kernel, from, to);
  for (Header& header : source.headers)
    if (!in_kernel && header.name == "cp_async.cuh") replace_all(header.text, from, to);
  return kinds_under_schedules(plan);
}

TEST(CpAsyncFaults, no_fence_in_front_of_the_products) {
  EXPECT_THAT(found_with("fence_async();", "", true), HasSubstr("missing proxy fence"));
  // The writer's comes too early: his copies have not landed.
  EXPECT_THAT(found_with("publish_copies(k_ring);", "fence_async();\n publish_copies(k_ring);", true), "");
}

TEST(CpAsyncFaults, a_fence_of_the_producer_is_none) {
  Plan plan = plan_for("attention_forward q_heads=1 q_len=64 kv_len=300 head_dim=64",
                       "consumer_warpgroups=1 key_tile=64 k_stages=2 v_stages=2 staging=none copy=cp_async");
  std::string& kernel = plan.launches[0].source.kernel;
  replace_all(kernel, "fence_async();", "");
  for (const char* ring : {"q_ring", "k_ring", "v_ring"}) {
    const std::string publish = fmt::format("publish_copies({});", ring);
    replace_all(kernel, publish, "fence_async();\n " + publish);
  }
  const auto kernels = kernels_of(plan);
  std::vector<HostTensor> tensors = workload(plan.buffers, 7);
  EXPECT_THAT(kinds_of(run_plan(kernels, plan, tensors, {})), HasSubstr("missing proxy fence"));
}

TEST(CpAsyncFaults, arrivals_that_are_missing_or_too_early) {
  EXPECT_THAT(found_with("publish_copies(v_ring);", "", true), HasSubstr("deadlock"));
  EXPECT_THAT(found_with("cp_async_arrive(ring.full());", "mbarrier_arrive(ring.full());", false),
              AnyOf(HasSubstr("read in flight"), HasSubstr("data race")));
  EXPECT_THAT(found_with("cp_async_arrive(ring.full());",
                         "if (thread_index() % 128 >= 32) cp_async_arrive(ring.full());", false),
              HasSubstr("deadlock"));
}

TEST(CpAsyncFaults, copies_that_nobody_waits_for) {
  EXPECT_THAT(found_with("cp_async_wait();", "", true), HasSubstr("ends in flight"));
}

}  // namespace
}  // namespace warpfinch::emulator
