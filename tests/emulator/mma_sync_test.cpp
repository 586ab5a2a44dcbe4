// mma on warps (sm80/mma.cuh) against the model of the tensor cores, to the bit: both types, both majors of
// the second factor, every swizzle, factors in registers; and what is wrong around it.
#include <gmock/gmock.h>

#include <bit>
#include <random>

#include "runtime/emulator/tensor_core.hpp"
#include "runtime/emulator/widen.hpp"
#include "runtime/workload.hpp"
#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

using testing::HasSubstr;

struct Form {
  std::string type = "bf16";
  int rows = 64, columns = 64, depth = 64;
  int a_swizzle = 128, b_swizzle = 128;
  bool a_in_registers = false, b_transposed = true, accumulate = false, a_transposed = false;
  std::string ptx = "sm80";
};

ValueType type_of(const Form& form) { return form.type == "bf16" ? ValueType::bf16 : ValueType::fp16; }
uint16_t element_at(const Words& words, int place) {
  return static_cast<uint16_t>(words[static_cast<size_t>(place / 2)] >> (place % 2 * 16));
}

// Pairs along k: a as [row][k], b as [column][k].
Words random_pairs(const Form& form, int lines, uint64_t seed) {
  std::mt19937_64 dice(seed);
  std::normal_distribution<float> normal;
  const auto rounded = [&] {
    return uint32_t{form.type == "bf16" ? to_bf16(normal(dice)) : to_fp16(normal(dice))};
  };
  Words words(static_cast<size_t>(lines * form.depth / 2));
  for (uint32_t& word : words) word = rounded() | rounded() << 16;
  return words;
}

// Panels are as wide as the swizzle; a second factor that is narrower has columns that no product reads.
int padded(int columns, int swizzle) { return (columns + swizzle / 2 - 1) / (swizzle / 2) * (swizzle / 2); }

// d[row][column] = a b, or -1 + a b, by rows / 16 warps.
std::string product_body(const Form& f) {
  const int b_rows = f.b_transposed ? f.columns : f.depth,
            b_columns = padded(f.b_transposed ? f.depth : f.columns, f.b_swizzle);
  std::string body = fmt::format(
      "  constexpr int M = {}, N = {}, K = {};\n"
      "  const SharedTile<::warpfinch::{}, {}, {}, {}> a_tile{{shared_base()}};\n"
      "  const SharedTile<::warpfinch::{}, {}, {}, {}> b_tile{{shared_base() + 32768}};\n",
      f.rows, f.columns, f.depth, f.type, f.a_transposed ? f.depth : f.rows,
      f.a_transposed ? padded(f.rows, f.a_swizzle) : f.depth, f.a_swizzle, f.type, b_rows, b_columns,
      f.b_swizzle);
  body += fmt::format(
      "  const int i = thread_index();\n"
      "  for (int e = i; e < M * K; e += 2 * M)\n"
      "    st_shared(a_tile.at({}), ld_global(reinterpret_cast<u16*>(a) + e));\n"
      "  for (int e = i; e < N * K; e += 2 * M)\n"
      "    st_shared(b_tile.at({}), ld_global(reinterpret_cast<u16*>(b) + e));\n"
      "  block_sync();\n"
      "  RegisterTile<float, M, N> d;\n",
      f.a_transposed ? "e % K, e / K" : "e / K, e % K", f.b_transposed ? "e / K, e % K" : "e % K, e / K");
  if (f.accumulate) body += "  fill(d, -1.0f);\n";
  if (f.a_in_registers)
    body += fmt::format("  PackedTile<::warpfinch::{}, M, K> p;\n  copy(p, a_tile);\n", f.type);
  body += fmt::format("  mma<{}>(d, {}, {});\n", f.accumulate,
                      f.a_in_registers ? "p"
                      : f.a_transposed ? "transposed(a_tile)"
                                       : "a_tile",
                      f.b_transposed ? "transposed(b_tile)" : "b_tile");
  return body +
         "  for (int e = 0; e < d.kCount; ++e)\n"
         "    st_global(reinterpret_cast<float*>(c) + row_of<M>(e / 2 % 2) * N + MmaLayout::column(e), "
         "at(d, e));\n";
}

std::string name_of(const Form& f) {
  return fmt::format("{} {}x{}x{}, swizzles {} and {}, registers {}, transposed {}, accumulate {}, {}",
                     f.type, f.rows, f.columns, f.depth, f.a_swizzle, f.b_swizzle, f.a_in_registers,
                     f.b_transposed, f.accumulate, f.ptx);
}

// Step by step of 16, in the order of k.
float expected(const Form& f, const Words& a, const Words& b, int row, int column) {
  float sum = f.accumulate ? -1.0f : 0.0f;
  for (int k = 0; k < f.depth; k += kStep) {
    float first[kStep];
    std::vector<float> second(kStep * kMaxColumns);
    for (int i = 0; i < kStep; ++i) {
      first[i] = widen(type_of(f), element_at(a, row * f.depth + k + i));
      second[static_cast<size_t>(i * kMaxColumns)] =
          widen(type_of(f), element_at(b, column * f.depth + k + i));
    }
    sum = add_products(first, second.data(), type_of(f), sum);
  }
  return sum;
}

void expect_product(const Form& f) {
  SCOPED_TRACE(name_of(f));
  Words a = random_pairs(f, f.rows, 1), b = random_pairs(f, f.columns, 2),
        c(static_cast<size_t>(f.rows * f.columns));
  const Report report = run_by_hand(
      {.body = product_body(f), .threads = 2 * f.rows, .shared_bytes = 98304, .ptx = f.ptx, .mma = "sm80"},
      {&a, &b, &c});
  ASSERT_TRUE(report.clean()) << text_of(report);
  for (int row = 0; row < f.rows; ++row)
    for (int column = 0; column < f.columns; ++column)
      ASSERT_EQ(std::bit_cast<float>(c[static_cast<size_t>(row * f.columns + column)]),
                expected(f, a, b, row, column))
          << row << ", " << column;
}

TEST(MmaSync, reads_every_swizzle_and_both_majors) {
  for (int swizzle : {32, 64, 128})
    for (bool transposed : {false, true}) {
      expect_product({.a_swizzle = swizzle, .b_transposed = transposed});
      expect_product({.b_swizzle = swizzle, .b_transposed = transposed, .accumulate = true});
      expect_product({.a_swizzle = swizzle, .b_transposed = transposed, .a_transposed = true});
    }
  expect_product({.type = "fp16", .rows = 128, .columns = 24, .accumulate = true, .a_transposed = true});
}

TEST(MmaSync, takes_both_types_and_factors_in_registers) {
  for (const char* type : {"bf16", "fp16"})
    for (bool registers : {false, true})
      for (bool transposed : {false, true})
        expect_product({.type = type,
                        .columns = 32,
                        .a_in_registers = registers,
                        .b_transposed = transposed,
                        .accumulate = registers});
}

TEST(MmaSync, takes_every_width_and_depth) {
  for (int columns : {8, 24, 80, 256})
    for (bool transposed : {false, true})
      expect_product(
          {.columns = columns, .depth = 32, .a_swizzle = 64, .b_swizzle = 64, .b_transposed = transposed});
  for (int depth : {16, 48, 128}) {
    expect_product({.type = "fp16", .columns = 24, .depth = depth, .a_swizzle = 32, .b_swizzle = 32});
    expect_product(
        {.columns = 16, .depth = depth, .a_swizzle = 32, .b_transposed = false, .accumulate = true});
  }
}

TEST(MmaSync, is_done_by_one_warp_or_several) {
  for (int rows : {16, 32, 64, 128})
    for (bool registers : {false, true})
      expect_product({.rows = rows, .columns = 24, .a_swizzle = 64, .a_in_registers = registers});
}

// Beside the copy engine, too.
TEST(MmaSync, goes_with_either_chips_leaves) { expect_product({.columns = 24, .ptx = "sm90"}); }

// Rows of a tile that lie in it wherever: slices keep the swizzle.
TEST(MmaSync, reads_slices) {
  Words a = random_pairs({}, 128, 1), b = random_pairs({}, 64, 2), c(16 * 16);
  for (int swizzle : {32, 64, 128}) {
    const std::string body = fmt::format(
        "  const SharedTile<::warpfinch::bf16, 128, 64, {0}> a_tile{{shared_base()}};\n"
        "  const SharedTile<::warpfinch::bf16, 64, 64, {0}> b_tile{{shared_base() + 16384}};\n"
        "  const int i = thread_index();\n"
        "  for (int e = i; e < 128 * 64; e += 32)\n"
        "    st_shared(a_tile.at(e / 64, e % 64), ld_global(reinterpret_cast<u16*>(a) + e));\n"
        "  for (int e = i; e < 64 * 64; e += 32)\n"
        "    st_shared(b_tile.at(e / 64, e % 64), ld_global(reinterpret_cast<u16*>(b) + e));\n"
        "  warp_sync();\n  RegisterTile<float, 16, 16> d;\n"
        "  mma<false>(d, a_tile.rows<16>(5), transposed(b_tile.rows<16>(3)));\n"
        "  for (int e = 0; e < d.kCount; ++e)\n"
        "    st_global(reinterpret_cast<float*>(c) + row_of<16>(e / 2 % 2) * 16 + MmaLayout::column(e), "
        "at(d, e));\n",
        swizzle);
    const Report report =
        run_by_hand({.body = body, .shared_bytes = 24576, .ptx = "sm80", .mma = "sm80"}, {&a, &b, &c});
    ASSERT_TRUE(report.clean()) << text_of(report);
    for (int row = 0; row < 16; ++row)
      for (int column = 0; column < 16; ++column)
        ASSERT_EQ(std::bit_cast<float>(c[static_cast<size_t>(row * 16 + column)]),
                  expected({}, a, b, 5 * 16 + row, 3 * 16 + column))
            << swizzle << ": " << row << ", " << column;
  }
}

// A tile of sums through shared memory and back as a first factor, without stmatrix.
TEST(MmaSync, sums_become_factors) {
  Words a(64 * 48 / 2), b(64 * 48 / 2);
  for (const char* ptx : {"sm80", "sm90"}) {
    const Report report = run_by_hand(
        {.body =
             "  const SharedTile<::warpfinch::fp16, 64, 64, 128> tile{shared_base()};\n"
             "  RegisterTile<float, 64, 64> d;\n  PackedTile<::warpfinch::fp16, 64, 64> p, q;\n"
             "  for (int e = 0; e < d.kCount; ++e)\n"
             "    d.value[e] = row_of<64>(e / 2 % 2) * 16 + MmaLayout::column(e) / 4;\n"
             "  copy(tile, d);\n  warp_sync();\n  copy(p, tile);\n  convert(q, d);\n"
             "  for (int e = 0; e < p.kCount; ++e)\n"
             "    st_global((e % 2 ? a : b) + thread_index() * 8 + e / 2 % 8, p.value[e] ^ q.value[e]);\n",
         .threads = 128,
         .shared_bytes = 8192,
         .ptx = ptx,
         .mma = "sm80"},
        {&a, &b});
    EXPECT_TRUE(report.clean()) << text_of(report);
    for (uint32_t word : a) EXPECT_EQ(word, 0u) << ptx;
    for (uint32_t word : b) EXPECT_EQ(word, 0u) << ptx;
  }
}

// --- what is wrong ---------------------------------------------------------------------------------------
std::string kinds(const Form& form, const std::function<void(std::string&)>& change) {
  std::string body = product_body(form);
  change(body);
  std::string all;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    Words a = random_pairs(form, form.rows, 1), b = random_pairs(form, form.columns, 2),
          c(static_cast<size_t>(form.rows * form.columns));
    const std::string found = kinds_of(run_by_hand({.body = body,
                                                    .threads = 2 * form.rows,
                                                    .shared_bytes = 98304,
                                                    .seed = seed,
                                                    .ptx = "sm80",
                                                    .mma = "sm80"},
                                                   {&a, &b, &c}));
    if (all.find(found) == std::string::npos) all += found + "; ";
  }
  return all;
}

TEST(MmaSyncFaults, factors_are_written_before) {
  EXPECT_THAT(kinds({}, [](std::string& body) { replace_all(body, "  block_sync();\n", ""); }),
              HasSubstr("data race"));
  EXPECT_THAT(kinds({}, [](std::string& body) { replace_all(body, "e < N * K", "e < N * K - 1"); }),
              HasSubstr("uninitialised read"));
}

// ... and not overwritten before other warps are done with them.
TEST(MmaSyncFaults, factors_stay_until_every_warp_has_read_them) {
  const std::string store = "  if (i == 0) st_shared(b_tile.address, 0u);\n";
  EXPECT_THAT(kinds({}, [&](std::string& body) { body += store; }), HasSubstr("data race"));
  EXPECT_EQ(kinds({}, [&](std::string& body) { body += "  block_sync();\n" + store; }), "");
  EXPECT_EQ(kinds({}, [&](std::string& body) { body += "  if (i == 0) st_shared(a_tile.address, 0u);\n"; }),
            "")
      << "of the first factor each warp reads its own rows";
}

TEST(MmaSyncFaults, sums_begin_somewhere) {
  EXPECT_THAT(kinds({}, [](std::string& body) { replace_all(body, "mma<false>", "mma<true>"); }),
              HasSubstr("uninitialised read"));
}

TEST(MmaSyncFaults, whole_warps_multiply) {
  EXPECT_THAT(kinds({}, [](std::string& body) { replace_all(body, "  mma<", "  if (i != 5) mma<"); }),
              HasSubstr("divergent warp-synchronous instruction"));
}

// No hazard, but wrong numbers: lanes that point to the wrong rows or take the wrong words.
TEST(MmaSyncFaults, layouts_that_are_wrong_give_other_sums) {
  const std::vector<std::pair<std::string, std::string>> faults = {
      {"lane_index() / 16 * 8 + lane_index() % 8, lane_index() / 8 % 2 * 8",
       "lane_index() % 16, lane_index() / 16 * 8"},
      {"a, words.z, words.w", "a, words.w, words.z"},
      {"(Tile::kSwizzle - 16)", "(Tile::kSwizzle - 32)"},
      {"% (Rows / 16) * 16", "% (Rows / 16) * 0"},
      {"&d.value[(Columns - 8) / 2]", "&d.value[(Columns - 16) / 2]"}};
  const Form form{.columns = 24};
  const Words a = random_pairs(form, 64, 1), b = random_pairs(form, 24, 2);
  for (const auto& [right, wrong] : faults) {
    Words first = a, second = b, c(64 * 24);
    run_by_hand({.body = product_body(form),
                 .threads = 128,
                 .shared_bytes = 98304,
                 .ptx = "sm80",
                 .mma = "sm80",
                 .change = {right, wrong}},
                {&first, &second, &c});
    bool other = false;
    for (int row = 0; row < 64; ++row)
      for (int column = 0; column < 24; ++column)
        other |= std::bit_cast<float>(c[static_cast<size_t>(row * 24 + column)]) !=
                 expected(form, a, b, row, column);
    EXPECT_TRUE(other) << right;
  }
}

}  // namespace
}  // namespace warpfinch::emulator
