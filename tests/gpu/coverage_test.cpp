// The record of the random pairs, which needs no GPU itself.
#include "tests/gpu/coverage.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace warpfinch {
namespace {

TEST(Coverages, count_every_word_of_problem_and_config) {
  Coverage coverage;
  coverage.add("softmax rows=8 columns=8", "warps=2", {.max_error = 0.25, .worst = {}, .checked = 64});
  coverage.add("softmax rows=9 columns=8", "gemm:{warps=2} softmax:{warps=4}",
               {.max_error = 0.5, .worst = {}, .checked = 72});
  coverage.refuse();
  const std::string text = coverage.text();
  EXPECT_EQ(
      text.find("2 pairs of 2 problems, 0 wrong, 1 without a kernel, 136 elements compared, largest error "
                "0.500 of the bound\n\n"),
      0U);
  EXPECT_NE(text.find("problem columns: 8 ×2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("config warps: 2 ×2 4 ×1\n"), std::string::npos) << text;
}

TEST(Coverages, a_wrong_pair_and_its_error_stay_visible) {
  Coverage coverage;
  coverage.add("x", "y", {.max_error = std::numeric_limits<double>::infinity(), .worst = {}});
  coverage.add("x", "z", {.max_error = 0.1, .worst = {}});
  EXPECT_NE(coverage.text().find("2 pairs of 1 problems, 1 wrong"), std::string::npos);
  EXPECT_NE(coverage.text().find("largest error inf"), std::string::npos);
}

}  // namespace
}  // namespace warpfinch
