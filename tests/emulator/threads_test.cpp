// Leaves among threads: shuffles and votes, barriers, mbarriers, registers; and what they refuse.
#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

TEST(EmulatedWarp, shuffles_and_votes_go_across_lanes) {
  Words out(32 * 4);
  const Report report = run_by_hand(
      {.body = "  const int i = thread_index();\n"
               "  st_global(a + i, static_cast<u32>(shuffle_xor(static_cast<float>(i), 5)));\n"
               "  st_global(a + 32 + i, static_cast<u32>(any_lane(i == 31)));\n"
               "  st_global(a + 64 + i, exchange(emulated::WarpOp::ballot, i % 3 == 0, 0));\n"
               "  st_global(a + 96 + i, exchange(emulated::WarpOp::shuffle_down, i * 10, 30));\n"},
      {&out});
  EXPECT_TRUE(report.clean()) << text_of(report);
  for (uint32_t i = 0; i < 32; ++i) {
    EXPECT_EQ(out[i], i ^ 5);
    EXPECT_EQ(out[32 + i], 1u);
    EXPECT_EQ(out[64 + i], 0x49249249u);
    EXPECT_EQ(out[96 + i], i < 2 ? (i + 30) * 10 : i * 10);
  }
}

TEST(EmulatedWarp, a_lane_that_stays_away_is_reported) {
  Words out(64);
  EXPECT_EQ(kinds_of(run_by_hand({.body = "  if (thread_index() < 31) warp_sync();\n"}, {&out})),
            "divergent warp-synchronous instruction");
  EXPECT_EQ(kinds_of(run_by_hand({.body = "  if (thread_index() < 31)\n    warp_sync();\n  else\n"
                                          "    st_global(a, static_cast<u32>(any_lane(true)));\n"},
                                 {&out})),
            "divergent warp-synchronous instruction");
}

// Shuffles order no memory; __syncwarp does.
TEST(EmulatedWarp, only_warp_sync_orders_memory) {
  const std::string write =
      "  const int i = thread_index();\n  const u32 at = shared_base() + 4 * i;\n"
      "  st_shared(at, static_cast<u32>(i));\n";
  const std::string read = "  st_global(a + i, ld_shared(at ^ 4));\n";
  Words out(32);
  EXPECT_TRUE(run_by_hand({.body = write + "  warp_sync();\n" + read}, {&out}).clean());
  EXPECT_EQ(out[6], 7u);
  EXPECT_EQ(kinds_of(run_by_hand({.body = write + "  any_lane(true);\n" + read}, {&out})), "data race");
}

TEST(EmulatedBarrier, orders_those_who_arrive_before_those_who_wait) {
  const std::string write =
      "  const int i = thread_index();\n"
      "  if (i < 32) {\n    st_shared(shared_base() + 4 * i, static_cast<u32>(i + 1));\n";
  const std::string read =
      "  } else {\n    named_sync(3, 64);\n"
      "    st_global(a + i, ld_shared(shared_base() + 4 * (i - 32)));\n  }\n";
  for (uint64_t seed = 0; seed < 4; ++seed) {
    Words out(64);
    EXPECT_TRUE(
        run_by_hand({.body = write + "    named_arrive(3, 64);\n" + read, .threads = 64, .seed = seed},
                    {&out})
            .clean());
    EXPECT_EQ(out[40], 9u);
  }
  Words out(64);
  EXPECT_EQ(kinds_of(run_by_hand({.body = write + read, .threads = 64}, {&out})), "deadlock");
  EXPECT_EQ(
      kinds_of(run_by_hand({.body = write + "    named_arrive(2, 64);\n" + read, .threads = 64}, {&out})),
      "deadlock");
  EXPECT_EQ(kinds_of(run_by_hand({.body = "  named_sync(16, 32);\n"}, {&out})), "wrong barrier");
  EXPECT_EQ(kinds_of(run_by_hand({.body = "  named_arrive(1, 64);\n", .threads = 64}, {&out})),
            "wrong barrier")
      << "nobody waits";
  EXPECT_EQ(kinds_of(run_by_hand({.body = "  named_sync(1, 33);\n", .threads = 64}, {&out})),
            "wrong barrier");
}

TEST(EmulatedBarrier, reduces_predicates) {
  Words out(128);
  const Report report = run_by_hand(
      {.body =
           "  const int i = thread_index();\n"
           "  st_global(a + i, leaves->bar(*self, emulated::BarOp::count, 1, 64, i % 4 == 0));\n"
           "  st_global(a + 64 + i, leaves->bar(*self, emulated::BarOp::reduce_or, 1, 64, i == 63) * 2 +\n"
           "            leaves->bar(*self, emulated::BarOp::reduce_and, 1, 64, i == 63));\n",
       .threads = 64},
      {&out});
  EXPECT_TRUE(report.clean()) << text_of(report);
  EXPECT_EQ(out[5], 16u);
  EXPECT_EQ(out[70], 2u);
}

// --- mbarriers ---------------------------------------------------------------------------------------------
std::string with_mbarrier(int count, const std::string& rest) {
  return fmt::format(
             "  const u32 bar = shared_base();\n  const int i = thread_index();\n"
             "  if (i == 0) {{\n    mbarrier_init(bar, {});\n    mbarrier_init_fence();\n  }}\n"
             "  block_sync();\n",
             count) +
         rest;
}

TEST(EmulatedMbarrier, hands_phases_over) {
  Words out(64);
  EXPECT_TRUE(run_by_hand({.body = with_mbarrier(32,
                                                 "  if (i < 32) {\n"
                                                 "    st_shared(bar + 64 + 4 * i, static_cast<u32>(i));\n"
                                                 "    mbarrier_arrive(bar);\n  } else {\n"
                                                 "    mbarrier_wait(bar, 0);\n"
                                                 "    st_global(a + i, ld_shared(bar + 64 + 4 * (i - 32)));\n"
                                                 "  }\n"),
                           .threads = 64},
                          {&out})
                  .clean());
  EXPECT_EQ(out[37], 5u);
}

TEST(EmulatedMbarrier, faults_are_named) {
  Words out(64);
  const auto kinds = [&](int count, const std::string& rest) {
    return kinds_of(run_by_hand({.body = with_mbarrier(count, rest), .threads = 64}, {&out}));
  };
  EXPECT_EQ(kinds(1, "  if (i == 0) mbarrier_wait(bar, 0);\n"), "deadlock");
  EXPECT_EQ(kinds(64, "  mbarrier_wait(bar, 1);\n"), "");  // the phase before the first
  EXPECT_EQ(kinds(1, "  if (i == 0) mbarrier_arrive(bar + 8);\n"), "wrong mbarrier");
  EXPECT_EQ(kinds(1, "  if (i == 0) st_shared(bar, 1u);\n"), "access to an mbarrier");
  // An arrival with a count above what is pending.
  EXPECT_EQ(kinds(2, "  if (i == 0) leaves->mbarrier(*self, emulated::MbarrierOp::arrive, bar, 3);\n"),
            "wrong arrival count");
  // Bytes are expected that nobody brings.
  EXPECT_EQ(
      kinds(1, "  if (i == 0) mbarrier_arrive_expect(bar, 16);\n  if (i == 1) mbarrier_wait(bar, 0);\n"),
      "deadlock");
  EXPECT_EQ(kinds_of(run_by_hand(
                {.body = "  if (thread_index() == 0) mbarrier_init(shared_base() + 4, 1);\n"}, {&out})),
            "misaligned access");
}

TEST(EmulatedMbarrier, its_use_is_ordered_behind_its_initialisation) {
  Words out(64);
  const std::string body =
      "  const u32 bar = shared_base();\n"
      "  if (thread_index() == 0) mbarrier_init(bar, 1);\n"
      "  any_lane(true);\n  if (thread_index() == 1) mbarrier_arrive(bar);\n";
  EXPECT_EQ(kinds_of(run_by_hand({.body = body}, {&out})), "data race");
}

// --- registers ---------------------------------------------------------------------------------------------
TEST(EmulatedRegisters, reallocation_stays_within_the_block) {
  Words out(1);
  const auto kinds = [&](const std::string& first, const std::string& others) {
    return kinds_of(run_by_hand(
        {.body = "  if (warp_index() < 4) {\n    " + first + ";\n  } else {\n    " + others + ";\n  }\n",
         .threads = 384},
        {&out}));
  };
  // 384 threads: 168 each; 24 + 2 · 240 = 504 = 3 · 168.
  EXPECT_EQ(kinds("shrink_registers<24>()", "grow_registers<240>()"), "");
  EXPECT_EQ(kinds("shrink_registers<32>()", "grow_registers<240>()"),
            "register reallocation that cannot be granted");
  EXPECT_EQ(kinds("shrink_registers<176>()", "any_lane(true)"), "wrong register reallocation");
  EXPECT_EQ(kinds("shrink_registers<20>()", "any_lane(true)"), "wrong register reallocation");
}

TEST(EmulatedRegisters, whole_warpgroups_reallocate) {
  Words out(1);
  EXPECT_EQ(kinds_of(run_by_hand(
                {.body = "  if (warp_index() < 2) shrink_registers<24>();\n", .threads = 128}, {&out})),
            "wrong register reallocation");
}

TEST(EmulatedMbarrier, who_only_asks_ends_in_a_deadlock_too) {
  Words out(1);
  EXPECT_EQ(kinds_of(run_by_hand(
                {.body = with_mbarrier(
                     1,
                     "  while (!leaves->mbarrier(*self, emulated::MbarrierOp::test_wait, bar, 0)) {\n"
                     "  }\n")},
                {&out})),
            "deadlock");
}

TEST(EmulatedRegisters, one_that_was_never_written_is_reported) {
  Words out(32);
  EXPECT_EQ(
      kinds_of(run_by_hand(
          {.body = "  element<u32> x;\n  st_global(a + thread_index(), static_cast<u32>(x));\n"}, {&out})),
      "uninitialised read");
}

}  // namespace
}  // namespace warpfinch::emulator
