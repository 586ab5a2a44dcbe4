// Shared and global memory: bounds, alignment, races between threads and between blocks, atomics.
#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

std::string kinds(const std::string& body, int threads = 32, int64_t grid = 1, int read_only = 0) {
  Words a = counting(256), b(256);
  return kinds_of(
      run_by_hand({.body = body, .threads = threads, .grid = grid, .read_only = read_only}, {&a, &b}));
}

TEST(EmulatedShared, bounds_alignment_and_initialisation) {
  EXPECT_EQ(kinds("  st_shared(shared_base() + 1020, 1u);\n"), "data race");  // all lanes the same word
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_shared(shared_base() + 1024, 1u);\n"), "out of bounds");
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_shared(shared_base() - 4, 1u);\n"), "out of bounds");
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_shared(shared_base() + 8, Words4{});\n"),
            "misaligned access");
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_global(b, ld_shared(shared_base()));\n"),
            "uninitialised read");
}

TEST(EmulatedShared, neighbouring_halves_of_a_word_are_no_race) {
  EXPECT_EQ(kinds("  st_shared(shared_base() + 2 * thread_index(), static_cast<u16>(thread_index()));\n"),
            "");
}

TEST(EmulatedGlobal, bounds_alignment_and_inputs) {
  EXPECT_EQ(kinds("  st_global(b + thread_index(), ld_global(a + thread_index()));\n", 32, 1, 1), "");
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_global(b + 256, 1u);\n"), "out of bounds");
  EXPECT_EQ(kinds("  if (thread_index() == 0) ld_global(a - 1);\n"), "out of bounds");
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_global(a, 1u);\n", 32, 1, 1), "out of bounds");
  EXPECT_EQ(kinds("  if (thread_index() == 0) ld_global(reinterpret_cast<const Words4*>(a + 1));\n"),
            "misaligned access");
}

TEST(EmulatedGlobal, races_within_and_between_blocks) {
  EXPECT_EQ(kinds("  if (thread_index() < 2) st_global(b, 1u);\n"), "data race");
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_global(b, 1u);\n", 32, 2), "data race");
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_global(b + block_index(), ld_global(b + 7));\n", 32, 4), "");
  EXPECT_EQ(kinds("  if (thread_index() == 0) st_global(b + block_index(), ld_global(b));\n", 32, 2),
            "data race");
}

TEST(EmulatedGlobal, atomics_do_not_race_and_add_up) {
  Words a(4), b(4);
  const Report report = run_by_hand(
      {.body =
           "  u32 one = 1;\n"
           "  leaves->atomic_global(*self, emulated::AtomicOp::add, emulated::ValueType::u32, a, &one, 1);\n"
           "  float half = 0.5f;\n"
           "  leaves->atomic_global(*self, emulated::AtomicOp::add, emulated::ValueType::fp32, a + 1, &half, "
           "1);\n"
           "  u32 limit = 4;\n"
           "  leaves->atomic_global(*self, emulated::AtomicOp::increment, emulated::ValueType::u32, a + 2, "
           "&limit, 1);\n",
       .threads = 64,
       .grid = 3},
      {&a, &b});
  EXPECT_TRUE(report.clean()) << text_of(report);
  EXPECT_EQ(a[0], 192u);
  EXPECT_EQ(std::bit_cast<float>(a[1]), 96.0f);
  EXPECT_EQ(a[2], 192u % 5);
}

TEST(EmulatedGlobal, an_atomic_and_an_ordinary_access_race) {
  EXPECT_EQ(kinds("  u32 one = 1;\n"
                  "  if (thread_index() == 0) st_global(b, 1u);\n"
                  "  if (thread_index() == 1)\n"
                  "    leaves->atomic_global(*self, emulated::AtomicOp::add, emulated::ValueType::u32, b, "
                  "&one, 1);\n"),
            "data race");
}

// The last block to come reads what all have written: fence, atomic, fence.
std::string last_block(const std::string& before, const std::string& behind) {
  return "  const int i = thread_index();\n  st_global(b + 32 * block_index() + i, 1u);\n  block_sync();\n"
         "  if (i == 0) {\n    " +
         before +
         "u32 one = 1;\n"
         "    leaves->atomic_global(*self, emulated::AtomicOp::add, emulated::ValueType::u32, a, &one, 1);\n "
         "   " +
         behind +
         "st_shared(shared_base(), one);\n  }\n  block_sync();\n"
         "  if (ld_shared(shared_base()) == 3)\n"
         "    for (int block = 0; block < 4; ++block) ld_global(b + 32 * block + i);\n";
}

TEST(EmulatedGlobal, fences_and_atomics_order_blocks) {
  const std::string fence = "leaves->fence(*self, emulated::FenceOp::device); ";
  const auto found = [](const std::string& body) {
    Words a(4), b(256);
    return kinds_of(run_by_hand({.body = body, .threads = 32, .grid = 4}, {&a, &b}));
  };
  EXPECT_EQ(found(last_block(fence, fence)), "");
  EXPECT_EQ(found(last_block("", fence)), "data race");
  EXPECT_EQ(found(last_block(fence, "")), "data race");
}

TEST(EmulatedReports, name_both_sides_and_their_lines) {
  Words a(64);
  const Report report = run_by_hand({.body = "  const int i = thread_index();\n"
                                             "  if (i == 0) st_shared(shared_base(), 1u);\n"
                                             "  any_lane(true);\n"
                                             "  if (i == 1) st_global(a, ld_shared(shared_base()));\n"},
                                    {&a});
  ASSERT_EQ(report.hazards.size(), 1u) << text_of(report);
  const Hazard& hazard = report.hazards[0];
  EXPECT_EQ(hazard.kind, "data race");
  EXPECT_NE(hazard.text.find("if (i == 0) st_shared(shared_base(), 1u);"), std::string::npos) << hazard.text;
  EXPECT_NE(hazard.text.find("if (i == 1) st_global(a, ld_shared(shared_base()));"), std::string::npos)
      << hazard.text;
  EXPECT_NE(hazard.text.find("missing: a barrier"), std::string::npos) << hazard.text;
  EXPECT_EQ(hazard.source_line, hazard.other_line + 2);
}

}  // namespace
}  // namespace warpfinch::emulator
