// Programs that parse and fit, and would still compute garbage or touch what is not theirs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generator/generate.hpp"

namespace warpfinch {
namespace {

using testing::HasSubstr;

std::string outcome(const std::string& declarations, const std::string& body,
                    const std::string& grid = "m in 0 .. 128 step 64") {
  const std::string text =
      "kernel k target=sm_90a {\n" + declarations + "  grid " + grid + " {\n" + body + "  }\n}\n";
  const Expected<Plan> plan = generate_program(text, targets().front());
  return plan ? plan->launches[0].program : plan.rejection().reason;
}

constexpr const char* kRows =
    "  param @x bf16 [128, 64]\n  param @y bf16 [128, 64] out\n  register %x fp32 [64, 64]\n";
constexpr const char* kProduct =
    "  param @a bf16 [128, 256]\n  param @w bf16 [256, 128]\n  param @y bf16 [128, 128] out\n"
    "  shared $a bf16 [128, 256]\n  shared $w bf16 [256, 128]\n  register %y fp32 [128, 128]\n";

TEST(VerifyValues, what_is_read_was_written) {
  EXPECT_THAT(outcome(kRows, "    store @y[m, 0], %x\n"),
              HasSubstr("reads %x, which nothing has written yet"));
  EXPECT_THAT(outcome(kRows, "    if m > 5 {\n      load %x, @x[m, 0]\n    }\n    store @y[m, 0], %x\n"),
              HasSubstr("reads %x"));
  EXPECT_THAT(outcome(kRows, "    load %x, @x[m, 0]\n    store @y[m, 0], %x\n"), HasSubstr("role compute"));
}

TEST(VerifyValues, something_is_stored) {
  EXPECT_THAT(outcome(kRows, "    load %x, @x[m, 0]\n"), HasSubstr("stores nothing"));
}

TEST(VerifyValues, results_have_an_address_each) {
  const std::string rows =
      "  param @x bf16 [128, 64]\n  param @y bf16 [128, 64] strides=[0,1] out\n"
      "  register %x fp32 [64, 64]\n";
  EXPECT_THAT(outcome(rows, "    load %x, @x[m, 0]\n    store @y[m, 0], %x\n"), HasSubstr("one address"));
}

TEST(VerifyValues, names_are_given_once) {
  const std::string body = "    load %x, @x[m, 0]\n    store @y[m, 0], %x\n";
  EXPECT_THAT(outcome(kRows, "    let m = 3\n" + body), HasSubstr("the name 'm' is taken"));
  EXPECT_THAT(outcome(kRows, "    let a = warpgroup\n" + body), HasSubstr("'warpgroup' is not defined here"));
}

TEST(VerifyValues, extents_leave_room_for_a_tile_past_the_end) {
  const std::string rows =
      "  param @x fp32 [4294967296, 64]\n  param @y bf16 [128, 64] out\n  register %x fp32 [64, 64]\n";
  EXPECT_THAT(outcome(rows, "    load %x, @x[m, 0]\n    store @y[m, 0], %x\n"), HasSubstr("the largest is"));
  EXPECT_THAT(
      outcome(kRows, "    load %x, @x[m, 0]\n    store @y[m, 0], %x\n", "m in 0 .. 4294967296 step 64"),
      HasSubstr("is beyond"));
}

// The second factor is read by every warpgroup: what lies over it would be written under the others' mma.
TEST(VerifyValues, results_are_staged_only_over_what_one_warpgroup_reads) {
  const std::string body =
      "    load $w, @w[0, 0]\n    load $a, @a[m, 0]\n    mma %y, $a, $w\n    store @y[m, 0], %y\n";
  const std::string text = outcome(kProduct, body, "m in 0 .. 128 step 128");
  EXPECT_THAT(text, testing::Not(HasSubstr("alias=w")));
  EXPECT_THAT(text, HasSubstr("alias=a"));
}

// Its columns are the product's rows; a result is no longer its warpgroup's own place there.
TEST(VerifyValues, a_first_factor_may_lie_transposed) {
  const std::string declarations =
      "  param @a bf16 [256, 128]\n  param @w bf16 [256, 128]\n  param @y bf16 [128, 128] out\n"
      "  shared $a bf16 [256, 128]\n  shared $w bf16 [256, 128]\n  register %y fp32 [128, 128]\n";
  const std::string body =
      "    load $w, @w[0, 0]\n    load $a, @a[0, m]\n    mma %y, $a^T, $w\n    store @y[m, 0], %y\n";
  const std::string text = outcome(declarations, body, "m in 0 .. 128 step 128");
  EXPECT_THAT(text, HasSubstr("mma %y, $a[0, warpgroup]^T, $w"));
  EXPECT_THAT(text, testing::Not(HasSubstr("alias=")));
}

TEST(VerifyValues, parts_of_factors_are_there) {
  const std::string declarations =
      "  param @a bf16 [64, 128]\n  param @w bf16 [128, 64]\n  param @y bf16 [64, 64] out\n"
      "  shared $a bf16 [64, 128]\n  shared $w bf16 [128, 64]\n  register %y fp32 [64, ";
  const auto with = [&](const std::string& a, const std::string& w, const char* columns = "32") {
    return outcome(declarations + columns + "]\n",
                   "    load $w, @w[0, 0]\n    load $a, @a[0, 0]\n    mma %y, " + a + ", " + w +
                       "\n    store @y[0, 0], %y\n",
                   "m in 0 .. 1");
  };
  EXPECT_THAT(with("$a", "$w[0, 1]"), HasSubstr("parts of 32 columns cut the swizzle=128 of $w"));
  EXPECT_THAT(with("$a", "$w[1, 1]"), HasSubstr("an mma takes rows, $w[warpgroup], or columns"));
  EXPECT_THAT(with("$a[0, 0]", "$w[0]", "64"), HasSubstr("$a is sliced along what the product sums over"));
  EXPECT_THAT(with("$a^T", "$w"), HasSubstr("[64, 32] = [128, 64] x [128, 64] does not fit"));
  EXPECT_THAT(with("%y^T", "$w"), HasSubstr("in shared memory it can"));
}

TEST(VerifyValues, mma_may_stand_under_a_condition) {
  const std::string body =
      "    fill %y, 0\n    for k in 0 .. 256 step 256 {\n      if m + k > 5 {\n        load $w, @w[0, 0]\n"
      "        load $a, @a[m, 0]\n        mma %y, $a, $w accumulate\n      }\n    }\n    store @y[m, 0], "
      "%y\n";
  EXPECT_THAT(outcome(kProduct, body, "m in 0 .. 128 step 128"), HasSubstr("role producer"));
}

}  // namespace
}  // namespace warpfinch
