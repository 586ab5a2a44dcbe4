// How far apart problems are.
#include "tuner/shape_distance.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "tests/generator/arbitrary_problem.hpp"

namespace warpfinch {
namespace {

Problem attention(const std::string& rest) { return parse_problem("attention_forward " + rest); }

RC_GTEST_PROP(ShapeDistance, is_a_distance, ()) {
  const Problem a = *arbitrary_problem(), b = *arbitrary_problem();
  RC_ASSERT(shape_distance(a, a) == 0);
  RC_ASSERT(shape_distance(a, b) == shape_distance(b, a));
  RC_ASSERT(shape_distance(a, b) >= 0);
}

TEST(ShapeDistance, kernels_that_have_nothing_in_common_are_infinitely_far) {
  const Problem here = attention("q_heads=8 q_len=512 head_dim=64");
  for (const char* other :
       {"q_heads=8 q_len=512 head_dim=128", "q_heads=8 q_len=512 head_dim=64 value_dim=128",
        "q_heads=8 q_len=512 head_dim=64 mask=causal"})
    EXPECT_TRUE(std::isinf(shape_distance(here, attention(other)))) << other;
  EXPECT_TRUE(std::isinf(shape_distance(here, parse_problem("softmax rows=512 columns=512"))));
}

TEST(ShapeDistance, the_other_16_bit_type_is_near) {
  const double types = shape_distance(attention("q_heads=8 q_len=512 head_dim=64 dtype=bf16"),
                                      attention("q_heads=8 q_len=512 head_dim=64 dtype=fp16"));
  EXPECT_GT(types, 0);
  EXPECT_LT(types, 1);
}

// Two batches of 16 heads fill a GPU as one batch of 32 does.
TEST(ShapeDistance, the_same_work_otherwise_spread_is_nearer_than_half_the_work) {
  const Problem here = attention("batch=1 q_heads=32 q_len=1024 head_dim=64");
  EXPECT_LT(shape_distance(here, attention("batch=2 q_heads=16 q_len=1024 head_dim=64")),
            shape_distance(here, attention("batch=1 q_heads=16 q_len=1024 head_dim=64")));
  EXPECT_LT(shape_distance(here, attention("batch=1 q_heads=32 kv_heads=8 q_len=1024 head_dim=64")),
            shape_distance(here, attention("batch=1 q_heads=16 q_len=1024 head_dim=64")));
}

TEST(ShapeDistance, more_waves_than_anybody_counts_are_alike) {
  const auto distance = [](int batch, int other) {
    return shape_distance(attention(fmt::format("batch={} q_heads=64 q_len=2048 head_dim=64", batch)),
                          attention(fmt::format("batch={} q_heads=64 q_len=2048 head_dim=64", other)));
  };
  EXPECT_LT(distance(32, 64), 0.5);
  EXPECT_GT(distance(1, 2), 1);
}

}  // namespace
}  // namespace warpfinch
