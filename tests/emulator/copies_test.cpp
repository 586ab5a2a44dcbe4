// The copy engine: tensor copies of 1 to 5 dimensions in every swizzle, with coordinates on all sides of the
// tensor; reduce-add, bulk copies, cp.async; and what is wrong to do while they are in flight.
#include <random>

#include "runtime/emulator/swizzle.hpp"
#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

// b: 0 rank, 1 bytes of the box, 2 swizzle, 3… coordinates. Shared: mbarrier at 0, the box at 1024.
const std::string kHead =
    "  const u32 bar = shared_base(), box = bar + 1024, bytes = ld_global(b + 1), swizzle = ld_global(b + "
    "2);\n"
    "  const int i = thread_index();\n"
    "  emulated::CopyCall call{emulated::CopyOp::tensor_load, &map0, nullptr, box, bar};\n"
    "  call.rank = ld_global(b);\n"
    "  for (int d = 0; d < call.rank; ++d) call.at[d] = static_cast<int>(ld_global(b + 3 + d));\n"
    "  if (i == 0) {\n    mbarrier_init(bar, 1);\n    mbarrier_init_fence();\n  }\n  block_sync();\n";
const std::string kLoad =
    "  if (i == 0) {\n    mbarrier_arrive_expect(bar, bytes);\n    leaves->copy(*self, call);\n  }\n"
    "  mbarrier_wait(bar, 0);\n"
    "  for (u32 at = 4 * i; at < bytes; at += 128) {\n"
    "    const u32 linear = box + at, moved = swizzle ? linear ^ ((linear >> 3) & (swizzle - 16)) : linear;\n"
    "    st_global(c + at / 4, ld_shared(moved));\n  }\n";
const std::string kStore =
    "  for (u32 at = 4 * i; at < bytes; at += 128) {\n"
    "    const u32 linear = box + at, moved = swizzle ? linear ^ ((linear >> 3) & (swizzle - 16)) : linear;\n"
    "    st_shared(moved, ld_global(c + at / 4));\n  }\n"
    "  proxy_fence();\n  warp_sync();\n"
    "  if (i == 0) {\n    call.op = OP;\n    leaves->copy(*self, call);\n    bulk_commit();\n"
    "    bulk_wait_read();\n  }\n";

struct Case {
  TensorMap map;
  std::vector<int> at;
  Words tensor;
};

// A small tensor whose rows are padded, a box that reaches over its edges.
Case random_case(std::mt19937& dice, int rank, int swizzle) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(dice); };
  Case result;
  TensorMap& map = result.map;
  map.type = DataType::fp32;
  map.swizzle = swizzle;
  int64_t stride = 16;
  for (int d = 0; d < rank; ++d) {
    map.shape.push_back(d == 0 ? pick(1, 40) : pick(1, 6));
    map.box.push_back(d == 0 ? (swizzle ? swizzle / 4 : pick(1, 8) * 4) : pick(1, 4));
    if (d > 0) map.byte_strides.push_back(stride);
    stride = d == 0 ? (map.shape[0] * 4 + 15) / 16 * 16 + 16 * pick(0, 1) : stride * map.shape.back();
    result.at.push_back(pick(-map.box.back(), static_cast<int>(map.shape.back()) + 1));
  }
  result.tensor = counting(static_cast<size_t>(stride) / 4 + 4, 1000);
  return result;
}

// Calls visit(word of the box, word of the tensor or -1 outside).
template <class Visit>
void for_each_word(const Case& c, Visit visit) {
  int64_t words = 1;
  for (int extent : c.map.box) words *= extent;
  for (int64_t w = 0; w < words; ++w) {
    int64_t rest = w, place = 0;
    bool inside = true;
    for (size_t d = 0; d < c.map.box.size(); ++d) {
      const int64_t index = c.at[d] + rest % c.map.box[d];
      rest /= c.map.box[d];
      inside = inside && index >= 0 && index < c.map.shape[d];
      place += index * (d == 0 ? 1 : c.map.byte_strides[d - 1] / 4);
    }
    visit(static_cast<size_t>(w), inside ? place : -1);
  }
}

Words settings(const Case& c) {
  uint32_t bytes = 4;
  for (int extent : c.map.box) bytes *= static_cast<uint32_t>(extent);
  Words words{static_cast<uint32_t>(c.at.size()), bytes, static_cast<uint32_t>(c.map.swizzle)};
  for (int at : c.at) words.push_back(static_cast<uint32_t>(at));
  return words;
}

Report run_case(Case& c, const std::string& body, Words& box) {
  Words b = settings(c);
  return run_by_hand({.body = kHead + body, .shared_bytes = 1024 + 16384, .maps = {c.map}},
                     {&c.tensor, &b, &box});
}

TEST(EmulatedTensorCopy, loads_boxes_of_every_rank_and_swizzle) {
  std::mt19937 dice(1);
  for (int round = 0; round < 100; ++round) {
    Case c = random_case(dice, round % 5 + 1, (int[]){0, 32, 64, 128}[round / 5 % 4]);
    Words box(4096, 77);
    const Report report = run_case(c, kLoad, box);
    ASSERT_TRUE(report.clean()) << text_of(report);
    for_each_word(c, [&](size_t word, int64_t place) {
      ASSERT_EQ(box[word], place < 0 ? 0 : c.tensor[static_cast<size_t>(place)]) << "round " << round;
    });
  }
}

std::string store_body(const std::string& op) {
  std::string body = kStore;
  return body.replace(body.find("OP"), 2, "emulated::CopyOp::" + op);
}

TEST(EmulatedTensorCopy, stores_what_lies_inside) {
  std::mt19937 dice(2);
  for (int round = 0; round < 100; ++round) {
    Case c = random_case(dice, round % 5 + 1, (int[]){0, 32, 64, 128}[round / 5 % 4]);
    Words box = counting(4096, 500000), expected = c.tensor;
    for_each_word(c, [&](size_t word, int64_t place) {
      if (place >= 0) expected[static_cast<size_t>(place)] = box[word];
    });
    const Report report = run_case(c, store_body("tensor_store"), box);
    ASSERT_TRUE(report.clean()) << text_of(report);
    ASSERT_TRUE(c.tensor == expected) << "round " << round;
  }
}

TEST(EmulatedTensorCopy, adds_to_what_stands_there) {
  Case c{{DataType::fp32, {8, 4}, {32}, {8, 4}, 32}, {0, 2}, Words(32, std::bit_cast<uint32_t>(1.5f))};
  Words box(4096, std::bit_cast<uint32_t>(2.0f));
  const Report report = run_case(c, store_body("tensor_add"), box);
  EXPECT_TRUE(report.clean()) << text_of(report);
  EXPECT_EQ(std::bit_cast<float>(c.tensor[15]), 1.5f);
  EXPECT_EQ(std::bit_cast<float>(c.tensor[16]), 3.5f);
}

// --- what is wrong -------------------------------------------------------------------------------
std::string kinds(const std::string& body, TensorMap map = {DataType::fp32, {8, 8}, {32}, {8, 8}, 32},
                  int rank = 2) {
  std::string all;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    Case c{map, std::vector<int>(static_cast<size_t>(rank), 0), counting(256)};
    Words b = settings(c), box(4096);
    const std::string found = kinds_of(
        run_by_hand({.body = kHead + body, .shared_bytes = 1024 + 16384, .maps = {c.map}, .seed = seed},
                    {&c.tensor, &b, &box}));
    if (all.find(found) == std::string::npos) all += (all.empty() ? "" : " | ") + found;
  }
  return all;
}
const std::string kIssue =
    "  if (i == 0) {\n    mbarrier_arrive_expect(bar, bytes);\n    leaves->copy(*self, call);\n  }\n";

TEST(EmulatedTensorCopy, who_does_not_wait_reads_poison) {
  const std::string found =
      kinds(kIssue + "  st_global(c + i, ld_shared(box + 4 * i));\n  mbarrier_wait(bar, 0);\n");
  EXPECT_NE(found.find("read in flight"), std::string::npos) << found;
}

TEST(EmulatedTensorCopy, nobody_writes_where_a_copy_is_in_flight) {
  EXPECT_NE(kinds(kIssue + "  if (i == 0) st_shared(box, 1u);\n  mbarrier_wait(bar, 0);\n").find("data race"),
            std::string::npos);
  EXPECT_EQ(
      kinds("  if (i == 0) {\n    mbarrier_arrive_expect(bar, 2 * bytes);\n    leaves->copy(*self, call);\n"
            "    leaves->copy(*self, call);\n  }\n  mbarrier_wait(bar, 0);\n"),
      "data race");  // two copies to one place
}

TEST(EmulatedTensorCopy, wrong_bytes_are_named) {
  const auto with_bytes = [](const std::string& bytes) {
    return "  if (i == 0) {\n    mbarrier_arrive_expect(bar, " + bytes +
           ");\n    leaves->copy(*self, call);\n  }\n  mbarrier_wait(bar, 0);\n";
  };
  EXPECT_NE(kinds(with_bytes("bytes - 16")).find("wrong expect_tx"), std::string::npos);
  EXPECT_EQ(kinds(with_bytes("bytes + 16")), "deadlock");
  EXPECT_EQ(kinds(with_bytes("0")), "ends in flight");  // the phase is over before the copy begins
}

TEST(EmulatedTensorCopy, a_kernel_does_not_end_with_copies_in_flight) {
  EXPECT_EQ(kinds(kIssue), "ends in flight");
  const std::string fill =
      "  st_shared(box + 4 * i, 1u);\n  st_shared(box + 128 + 4 * i, 1u);\n  proxy_fence();\n"
      "  warp_sync();\n  if (i == 0) {\n    call.op = emulated::CopyOp::tensor_store;\n"
      "    leaves->copy(*self, call);\n";
  EXPECT_EQ(kinds(fill + "  }\n"), "ends in flight");
  EXPECT_EQ(kinds(fill + "    bulk_commit();\n  }\n"), "ends in flight");
  EXPECT_EQ(kinds(fill + "    bulk_commit();\n    bulk_wait_read();\n  }\n"), "");
}

TEST(EmulatedTensorCopy, the_source_stays_until_it_was_read) {
  const std::string store =
      "  st_shared(box + 4 * i, 1u);\n  st_shared(box + 128 + 4 * i, 1u);\n  proxy_fence();\n"
      "  warp_sync();\n  if (i == 0) {\n    call.op = emulated::CopyOp::tensor_store;\n"
      "    leaves->copy(*self, call);\n    bulk_commit();\n";
  EXPECT_EQ(kinds(store + "    st_shared(box, 2u);\n    bulk_wait_read();\n  }\n"), "data race");
  EXPECT_EQ(kinds(store + "    bulk_wait_read();\n    st_shared(box, 2u);\n  }\n"), "");
}

TEST(EmulatedTensorCopy, generic_writes_are_fenced_for_the_async_proxy) {
  const std::string write = "  st_shared(box + 4 * i, 1u);\n  st_shared(box + 128 + 4 * i, 1u);\n";
  const std::string store =
      "  if (i == 0) {\n    call.op = emulated::CopyOp::tensor_store;\n"
      "    leaves->copy(*self, call);\n    bulk_commit();\n    bulk_wait_read();\n  }\n";
  EXPECT_EQ(kinds(write + "  warp_sync();\n" + store), "missing proxy fence");
  EXPECT_EQ(kinds(write + "  proxy_fence();\n  warp_sync();\n" + store), "");
  // One thread that has seen all writes may fence for all.
  EXPECT_EQ(kinds(write + "  warp_sync();\n  proxy_fence();\n" + store), "");
  // A fence in front of the writes is none.
  EXPECT_EQ(kinds("  proxy_fence();\n" + write + "  warp_sync();\n" + store), "missing proxy fence");
}

// The leaf that fences does so for shared memory.
TEST(EmulatedTensorCopy, does_not_read_what_this_launch_wrote_to_global_memory) {
  const std::string load = "  proxy_fence();\n  warp_sync();\n" + kIssue + "  mbarrier_wait(bar, 0);\n";
  EXPECT_EQ(kinds("  st_global(a + i, 1u);\n" + load), "missing proxy fence");
  EXPECT_EQ(kinds("  st_global(a + 128 + i, 1u);\n" + load), "");  // behind the tensor
  EXPECT_EQ(kinds(load + "  st_global(a + i, 1u);\n"), "");
}

TEST(EmulatedTensorCopy, maps_are_checked) {
  EXPECT_EQ(kinds(kIssue, {DataType::fp32, {8, 8}, {32}, {16, 8}, 32}),
            "wrong tensor map");  // 64 bytes per row
  EXPECT_EQ(kinds(kIssue, {DataType::fp32, {8, 8}, {40}, {8, 8}, 32}), "wrong tensor map");
  EXPECT_EQ(kinds(kIssue, {DataType::fp32, {8, 8}, {32}, {8, 8}, 32}, 1), "wrong tensor map");
  EXPECT_EQ(kinds(kIssue, {DataType::fp32, {64, 64}, {256}, {8, 8}, 32}),
            "out of bounds");  // beyond the buffer
  EXPECT_EQ(kinds("  call.shared += 64;\n" + kIssue), "misaligned access");
  EXPECT_EQ(kinds("  call.shared += 16384;\n" + kIssue), "out of bounds");
}

// --- bulk and small copies ---------------------------------------------------------------------------------
TEST(EmulatedBulkCopy, moves_bytes_there_and_back) {
  Words a = counting(64), b(64);
  const Report report = run_by_hand(
      {.body = "  const u32 bar = shared_base(), at = bar + 64;\n  const int i = thread_index();\n"
               "  emulated::CopyCall call{emulated::CopyOp::bulk_load, nullptr, a, at, bar, 256};\n"
               "  if (i == 0) {\n    mbarrier_init(bar, 1);\n    proxy_fence();\n"
               "    mbarrier_arrive_expect(bar, 256);\n    leaves->copy(*self, call);\n"
               "    mbarrier_wait(bar, 0);\n"
               "    call.op = emulated::CopyOp::bulk_store;\n    call.global = b;\n    leaves->copy(*self, "
               "call);\n"
               "    bulk_commit();\n    bulk_wait_read();\n  }\n"},
      {&a, &b});
  EXPECT_TRUE(report.clean()) << text_of(report);
  EXPECT_EQ(a, b);
}

std::string small_copies(const std::string& wait) {
  return "  const u32 at = shared_base() + 16 * thread_index();\n"
         "  leaves->small_copy(*self, at, a + 4 * thread_index(), 16, thread_index() < 16 ? 16 : 0);\n"
         "  leaves->small_copy_group(*self, emulated::GroupOp::commit, 0);\n" +
         wait +
         "  st_global(b + thread_index(), ld_shared(at + 4));\n"
         "  leaves->small_copy_group(*self, emulated::GroupOp::wait, 0);\n";
}

TEST(EmulatedSmallCopy, lands_behind_the_wait_and_fills_with_zeros) {
  Words a = counting(128), b(32);
  const Report report = run_by_hand(
      {.body = small_copies("  leaves->small_copy_group(*self, emulated::GroupOp::wait, 0);\n")}, {&a, &b});
  EXPECT_TRUE(report.clean()) << text_of(report);
  EXPECT_EQ(b[3], 13u);
  EXPECT_EQ(b[20], 0u);
  EXPECT_NE(kinds_of(run_by_hand({.body = small_copies("")}, {&a, &b})), "");
  EXPECT_NE(kinds_of(run_by_hand(
                {.body = small_copies("  leaves->small_copy_group(*self, emulated::GroupOp::wait, 1);\n")},
                {&a, &b})),
            "");
}

}  // namespace
}  // namespace warpfinch::emulator
