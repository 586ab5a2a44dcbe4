// What reports say: the place, the conclusion, each fault once; and that a run which does not end has a
// report, too.
#include <gmock/gmock.h>

#include <regex>

#include "tests/emulator/hand_made.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch::emulator {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// --- deadlocks -----------------------------------------------------------------------------------
const std::string kBarrier =
    "  const u32 bar = shared_base();\n  const int i = thread_index();\n"
    "  if (i == 0) mbarrier_init(bar, 2);\n  block_sync();\n";

std::string text_by_hand(const std::string& body) {
  Words a(64);
  return text_of(run_by_hand({.body = kBarrier + body}, {&a}));
}

TEST(EmulatedDeadlock, says_how_many_arrivals_came) {
  EXPECT_THAT(text_by_hand("  if (i == 0) mbarrier_arrive(bar);\n  if (i == 3) mbarrier_wait(bar, 0);\n"),
              AllOf(HasSubstr("deadlock: a thread waits, and nobody is left who could wake it"),
                    HasSubstr("thread 3 waits for mbarrier at shared + 0, parity 0"),
                    HasSubstr("missing: 1 of 2 arrivals came at mbarrier at shared + 0, nobody who is left "
                              "arrives")));
}

TEST(EmulatedDeadlock, says_that_too_many_bytes_were_announced) {
  EXPECT_THAT(text_by_hand("  if (i < 2) mbarrier_arrive_expect(bar, 8);\n  mbarrier_wait(bar, 0);\n"),
              AllOf(HasSubstr("threads 0-31 wait for"),
                    HasSubstr("missing: expect_tx of mbarrier at shared + 0 announced 16 bytes more than the "
                              "copies bring")));
}

TEST(EmulatedDeadlock, concludes_nothing_where_no_arrival_came) {
  EXPECT_THAT(text_by_hand("  mbarrier_wait(bar, 0);\n"), Not(HasSubstr("missing:")));
}

TEST(EmulatedDeadlock, of_a_ring_names_the_barrier_that_is_wrong) {
  Plan plan = plan_for("gemm m=128 n=64 k=256", "consumer_warpgroups=2 n_tile=64 k_tile=32 stages=2");
  std::string& kernel = plan.launches[0].source.kernel;
  kernel = replaced(kernel, "initialize(a_ring, 1, 8);", "initialize(a_ring, 1, 9);");
  std::vector<HostTensor> tensors = workload(plan.buffers, 1);
  const Report report = run_plan(kernels_of(plan), plan, tensors, {});
  ASSERT_EQ(report.hazards.size(), 1u) << text_of(report);
  // The numbers of lines are other tests' business.
  EXPECT_EQ(
      std::regex_replace(report.hazards[0].text, std::regex("line [0-9]+"), "line N"),
      "deadlock: 257 threads wait, and nobody is left who could wake them\n"
      "  threads 0-255 wait for mbarrier a_ring full[0] (shared + 40960), parity 1: phase 1 lacks 1 of 1 "
      "arrivals\n"
      "    at line N (IR line N): wait(a_ring);\n"
      "  thread 256 waits for mbarrier a_ring empty[0] (shared + 40976), parity 0: phase 0 lacks 1 of 9 "
      "arrivals\n"
      "    at line N (IR line N): acquire<8192>(a_ring);\n"
      "  missing: 8 of 9 arrivals came at mbarrier a_ring empty[0] (shared + 40976), nobody who is left "
      "arrives\n"
      "  in gemm, block 0 of 1, schedule seed 0");
}

// --- clashes -------------------------------------------------------------------------------------
TEST(EmulatedReport, says_a_clash_once_whichever_side_came_first) {
  Words a(64);
  const Report report = run_by_hand({.body = "  const int i = thread_index();\n"
                                             "  const u32 first = shared_base(), second = first + 4;\n"
                                             "  if (i < 2) st_shared(i == 0 ? first : second, 1u);\n"
                                             "  any_lane(true);\n"
                                             "  if (i < 2) st_shared(i == 0 ? second : first, 2u);\n"
                                             "  any_lane(true);\n"
                                             "  if (i < 2) st_shared(i == 0 ? first : second, 3u);\n"},
                                    {&a});
  EXPECT_GE(report.hazards.size(), 2u);
  std::vector<std::pair<int, int>> seen;
  for (const Hazard& hazard : report.hazards)
    seen.push_back(std::minmax({hazard.source_line, hazard.other_line}));
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::unique(seen.begin(), seen.end()), seen.end()) << text_of(report);
}

TEST(EmulatedReport, a_store_of_the_copy_engine_ends_with_its_group) {
  Words a(64), b(64);
  const Report report = run_by_hand(
      {.body =
           "  const int i = thread_index();\n  const u32 at = shared_base();\n"
           "  st_shared(at + 4 * i, 1u);\n  proxy_fence();\n  block_sync();\n"
           "  emulated::CopyCall call{emulated::CopyOp::bulk_store, nullptr, a, at, 0, 128};\n"
           "  if (i % 32 == 0) {\n    leaves->copy(*self, call);\n    bulk_commit();\n    bulk_wait_read();\n"
           "  }\n",
       .threads = 64},
      {&a, &b});
  ASSERT_EQ(kinds_of(report), "data race");
  EXPECT_THAT(text_of(report), AllOf(HasSubstr("missing: a cp.async.bulk.wait_group by thread "),
                                     HasSubstr("then a hand-over"), Not(HasSubstr("mbarrier"))));
}

// --- time limit ----------------------------------------------------------------------------------
Report with_limit(const std::string& body, double seconds = 0.2) {
  Words a(64);
  return run_by_hand({.body = "  const int i = thread_index();\n" + body, .most_seconds = seconds}, {&a});
}

TEST(EmulatedLimit, ends_a_loop_that_touches_no_leaf) {
  const Report report = with_limit(
      "  volatile int turns = 0;\n  if (i == 7)\n    for (;;) {\n      turns = turns + 1;\n    }\n"
      "  warp_sync();\n");
  ASSERT_EQ(kinds_of(report), "does not end");
  EXPECT_THAT(text_of(report), AllOf(HasSubstr("does not end: still running after 0.2 s\n"),
                                     HasSubstr("thread 7 runs"), HasSubstr("turns = turns + 1;")));
}

TEST(EmulatedLimit, ends_a_loop_that_only_gives_way_to_others) {
  const Report report = with_limit("  for (;;) {\n    warp_sync();\n  }\n");
  EXPECT_EQ(kinds_of(report), "does not end") << text_of(report);
}

TEST(EmulatedLimit, leaves_alone_what_ends) {
  EXPECT_TRUE(with_limit("  for (int k = 0; k < 5000; ++k) {\n    ld_global(a + i);\n  }\n", 60).clean());
}

// --- many host threads ---------------------------------------------------------------------------
TEST(EmulatedStacks, are_shared_out_among_the_host_threads_of_a_process) {
  Words a(64);
  const HandMade kernel{.body = "  block_sync();\n", .threads = 1024, .grid = 96, .host_threads = 48};
  parallel_for(4, 4, [&](int64_t) { EXPECT_TRUE(run_by_hand(kernel, {&a}).clean()); });
}

}  // namespace
}  // namespace warpfinch::emulator
