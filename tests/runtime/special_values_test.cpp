// The check on inputs at the ends: NaN, infinities, the lowest finite numbers, rows that are uniform; and on
// errors that random inputs hide.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/runtime/solved.hpp"

namespace warpfinch {
namespace {

constexpr double kLowest = std::numeric_limits<float>::lowest();

// A row of x, and what its softmax is.
Tensors softmax_of(const std::vector<double>& row, double y) {
  const Problem problem = parse_problem(fmt::format("softmax rows=1 columns={} dtype=fp32", row.size()));
  Tensors tensors = workload(buffers(problem), 1);
  for (size_t j = 0; j < row.size(); ++j) {
    store_element(tensors[0], static_cast<int64_t>(j), row[j]);
    store_element(tensors[1], static_cast<int64_t>(j), y);
  }
  return tensors;
}
Accuracy check_softmax(const std::vector<double>& row, double y) {
  const Tensors tensors = softmax_of(row, y);
  return check_accuracy(parse_problem(fmt::format("softmax rows=1 columns={} dtype=fp32", row.size())),
                        tensors);
}

TEST(SpecialValues, AUniformSoftmaxRowIsUniformHoweverLargeItsNumbersAre) {
  for (const double x : {kLowest, kLowest / 2, -1.7e38, -1e6, 0.0, 3e38}) {
    EXPECT_TRUE(check_softmax(std::vector(8, x), 0.125).right()) << x;
    for (const double wrong : {0.0, 0.12499, 0.12501, 1.0, std::nan("")})
      EXPECT_FALSE(check_softmax(std::vector(8, x), wrong).right()) << x << ": " << wrong;
  }
}

TEST(SpecialValues, ASoftmaxRowThatIsWhollyMinusInfinityIs0) {
  EXPECT_TRUE(check_softmax(std::vector<double>(8, -INFINITY), 0).right());
  EXPECT_FALSE(check_softmax(std::vector<double>(8, -INFINITY), NAN).right());
  EXPECT_FALSE(check_softmax(std::vector<double>(8, -INFINITY), 0.125).right());
}

TEST(SpecialValues, ASoftmaxRowWithNaNOrInfinityIsNaN) {
  for (const double x : {double{NAN}, double{INFINITY}})
    for (size_t place : {0u, 3u, 7u}) {
      std::vector<double> row(8, 1);
      row[place] = x;
      EXPECT_TRUE(check_softmax(row, NAN).right()) << x;
      EXPECT_FALSE(check_softmax(row, 0.125).right()) << x;
    }
}

TEST(SpecialValues, MinusInfinityInASoftmaxRowWeighsNothing) {
  Tensors tensors = softmax_of({1, -INFINITY, 1, -INFINITY}, 0.5);
  store_element(tensors[1], 1, 0);
  store_element(tensors[1], 3, 0);
  const Problem problem = parse_problem("softmax rows=1 columns=4 dtype=fp32");
  EXPECT_TRUE(check_accuracy(problem, tensors).right()) << check_accuracy(problem, tensors).worst;
  store_element(tensors[1], 3, 1e-6);
  EXPECT_FALSE(check_accuracy(problem, tensors).right());
}

// Attention of 4 queries over 8 keys, causal, so that query 1 sees the keys 0 .. 5, and what `change` makes
// of it.
template <class Change>
Tensors attention_after(Change change) {
  const Problem problem =
      parse_problem("attention_forward q_len=4 kv_len=8 head_dim=16 mask=causal lse=true");
  Tensors tensors = workload(buffers(problem), 1);
  change(tensors);
  solve(problem, tensors);
  return tensors;
}
Accuracy check_attention(const Tensors& tensors) {
  return check_accuracy(parse_problem("attention_forward q_len=4 kv_len=8 head_dim=16 mask=causal lse=true"),
                        tensors);
}
double first_of_row(const HostTensor& o, int64_t row) { return load_element(o, row * 16); }

TEST(SpecialValues, ANaNInQMakesItsRowNaNAndNoOther) {
  Tensors tensors = attention_after([](Tensors& t) { store_element(t[0], 16 + 5, NAN); });
  for (int64_t row = 0; row < 4; ++row) {
    EXPECT_EQ(std::isnan(first_of_row(tensors[3], row)), row == 1);
    EXPECT_EQ(std::isnan(load_element(tensors[4], row)), row == 1);
  }
  EXPECT_TRUE(check_attention(tensors).right()) << check_attention(tensors).worst;
  for (const double wrong : {-INFINITY, 0.0f}) {
    store_element(tensors[4], 1, wrong);
    EXPECT_FALSE(check_attention(tensors).right());
  }
}

TEST(SpecialValues, HiddenKeysDoNotMatterAndVisibleOnesDo) {
  for (const int input : {1, 2})  // k, v
    for (const double x : {double{NAN}, double{INFINITY}, double{-INFINITY}}) {
      Tensors tensors = attention_after([&](Tensors& t) { store_element(t[input], 7 * 16, x); });
      for (int64_t row = 0; row < 3; ++row) {
        EXPECT_TRUE(std::isfinite(first_of_row(tensors[3], row))) << x << " " << row;
        EXPECT_TRUE(std::isfinite(load_element(tensors[4], row))) << x << " " << row;
      }
      EXPECT_TRUE(check_attention(tensors).right()) << x << ": " << check_attention(tensors).worst;
      store_element(tensors[3], 16, NAN);  // a kernel that lets it through to query 1
      EXPECT_FALSE(check_attention(tensors).right()) << x;
    }
  const Tensors seen = attention_after([](Tensors& t) { store_element(t[2], 5 * 16, NAN); });
  for (int64_t row = 0; row < 4; ++row) EXPECT_EQ(std::isnan(first_of_row(seen[3], row)), row >= 1);
  EXPECT_FALSE(std::isnan(load_element(seen[4], 3)));
}

TEST(SpecialValues, ScoresThatAreAllMinusInfinityGiveWhatARowWithoutKeysGives) {
  Tensors tensors = attention_after([](Tensors& t) {
    for (int64_t i = 0; i < 4 * 16; ++i) store_element(t[0], i, i % 16 == 0 ? 1 : 0);
    for (int64_t i = 0; i < 8 * 16; ++i) store_element(t[1], i, i % 16 == 0 ? -INFINITY : 1);
  });
  EXPECT_EQ(first_of_row(tensors[3], 2), 0);
  EXPECT_EQ(load_element(tensors[4], 2), -INFINITY);
  EXPECT_TRUE(check_attention(tensors).right());
}

// Scores of 1e10, of which each of 8192 keys has another: the largest one is all that counts, whatever fp32
// rounds. Nothing is excused but what is really uncertain.
TEST(SpecialValues, HugeScoresDoNotExcuseAWrongOutput) {
  const Problem problem = parse_problem("attention_forward q_len=4 kv_len=8192 head_dim=16 lse=true");
  Tensors tensors = solved(problem, 1, 3e4);
  const AccuracyCheck check(problem, tensors);
  EXPECT_TRUE(check(tensors).right());
  int found = 0;
  for (int64_t row = 0; row < 4; ++row) {
    Tensors wrong = tensors;
    store_element(wrong[3], row * 16, 1.05 * first_of_row(wrong[3], row));
    found += !check(wrong).right();
    store_element(wrong[3], row * 16, INFINITY);
    EXPECT_FALSE(check(wrong).right());
  }
  EXPECT_GE(found, 3);
}

// fp16 weights of 1 / kv_len that are rounded, while their sum is not: what the constant inputs are for.
TEST(SpecialValues, WeightsThatAreRoundedAwayAreFound) {
  for (const auto& [keys, output] : {std::pair{50007, 0.998535}, std::pair{65410, 0.998047}}) {
    const Problem problem =
        parse_problem(fmt::format("attention_three_kernel q_len=2 kv_len={} head_dim=64 dtype=fp16", keys));
    Tensors tensors = solved(problem, 1, 1, InputKind::constant);
    const AccuracyCheck check(problem, tensors);
    EXPECT_EQ(load_element(tensors[3], 0), 1);
    EXPECT_TRUE(check(tensors).right());
    store_element(tensors[3], 5, output);
    EXPECT_FALSE(check(tensors).right()) << keys << ": " << check(tensors).worst;
  }
}

// Products beyond fp32 promise nothing; what surely fits promises as ever.
TEST(SpecialValues, SumsBeyondFp32AreNotJudged) {
  const Problem problem = parse_problem("gemm m=1 n=1 k=32 output=fp32");
  for (const double size : {1e18, 1e19}) {
    Tensors tensors = workload(buffers(problem), 1, size, InputKind::one_sided);
    store_element(tensors[2], 0, NAN);
    EXPECT_EQ(check_accuracy(problem, tensors).right(), size > 5e18) << size;
  }
}

}  // namespace
}  // namespace warpfinch
