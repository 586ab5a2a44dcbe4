// Exponentials by a polynomial on the FMA pipe (polynomial=N): as near to 2^x as ex2 is, with its ends, and
// right under every policy of the softmax reference.
#include <bit>
#include <cmath>

#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// exp2_polynomial of each. The first word of `a` counts them, so that one kernel does for all tests.
std::vector<float> powers_of(const std::vector<float>& xs) {
  Words inputs{static_cast<uint32_t>(xs.size())}, powers(xs.size());
  for (const float x : xs) inputs.push_back(std::bit_cast<uint32_t>(x));
  const Report report =
      run_by_hand({.body = "  const int count = static_cast<int>(ld_global(a));\n"
                           "  for (int i = thread_index(); i < count; i += 32) {\n"
                           "    const float x = __int_as_float(static_cast<int>(ld_global(a + 1 + i)));\n"
                           "    st_global(b + i, static_cast<u32>(__float_as_int(exp2_polynomial(x))));\n"
                           "  }"},
                  {&inputs, &powers});
  EXPECT_TRUE(report.clean()) << text_of(report);
  std::vector<float> result;
  for (const uint32_t bits : powers) result.push_back(std::bit_cast<float>(bits));
  return result;
}

// Of one sign and all exponents, from tiny to beyond the ends.
std::vector<float> dense_floats(uint32_t sign) {
  std::vector<float> xs;
  for (uint32_t bits = 0; bits < 0x43800000u; bits += 0x1711u)
    xs.push_back(std::bit_cast<float>(sign | bits));
  return xs;
}

double relative_error(float power, float x) {
  const double exact = std::exp2(static_cast<double>(x));
  return std::abs(power - exact) / exact;
}

TEST(Polynomial, is_as_near_as_ex2_is_documented_to_be) {
  for (const uint32_t sign : {0u, 0x80000000u}) {
    const std::vector<float> xs = dense_floats(sign), powers = powers_of(xs);
    for (size_t i = 0; i < xs.size(); ++i) {
      const float x = xs[i], y = powers[i];
      if (x >= 128)
        ASSERT_EQ(y, kInfinity) << x;
      else if (x <= -127)
        ASSERT_TRUE(y == 0 && !std::signbit(y)) << x;
      else if (x < -126)
        ASSERT_TRUE(y >= 0 && y < 0x1p-126f) << x;
      else
        ASSERT_LE(relative_error(y, x), 0x1p-22) << x;
    }
  }
}

TEST(Polynomial, errs_as_its_comment_says) {
  std::vector<float> xs{-0.268604487f};  // the worst of all floats
  for (int i = 0; i < 1 << 23; i += 17) xs.push_back(i * 0x1p-23f - 1), xs.push_back(i * 0x1p-23f);
  const std::vector<float> powers = powers_of(xs);
  EXPECT_NEAR(relative_error(powers[0], xs[0]), 1.653e-7, 1e-10);
  double largest = 0;
  for (size_t i = 0; i < xs.size(); ++i) largest = std::max(largest, relative_error(powers[i], xs[i]));
  EXPECT_LE(largest, 1.6528e-7);
}

TEST(Polynomial, ends_where_ex2_does) {
  const auto expect_all = [](const std::vector<float>& xs, float wanted) {
    for (const float power : powers_of(xs)) EXPECT_EQ(power, wanted);
  };
  expect_all({-kInfinity, -1e30f, -1000, -128, -127}, 0);
  expect_all({128, 129, 1000, 3.4028235e38f, kInfinity}, kInfinity);
  expect_all({0, -0.0f, 1e-30f}, 1);
  expect_all({std::nanf("")}, kInfinity);
  const float last = std::nextafter(128.0f, 0.0f);
  EXPECT_LE(relative_error(powers_of({127.9f})[0], 127.9f), 0x1p-22);
  EXPECT_LE(relative_error(powers_of({last})[0], last), 0x1p-22);
}

TEST(Polynomial, is_exact_for_whole_numbers) {
  std::vector<float> xs;
  for (int i = -126; i < 128; ++i) xs.push_back(static_cast<float>(i));
  const std::vector<float> powers = powers_of(xs);
  for (size_t i = 0; i < xs.size(); ++i) EXPECT_EQ(powers[i], std::exp2(xs[i]));
}

// So many of each 16 elements of a thread, at one distance from each other.
TEST(Polynomial, takes_its_share_of_the_elements) {
  const float x = -0.268604487f, by_polynomial = powers_of({x})[0];
  for (const int share : {0, 1, 2, 4, 8}) {
    Words powers(64);
    const Report report = run_by_hand(
        {.body = fmt::format("  RegisterTile<float, 16, 128> s, e;\n  RowValues<16> m;\n"
                             "  fill(s, {}f);\n  fill(m, 0.0f);\n"
                             "  speculative_exp2<{}>(e, s, m, 1.0f);\n"
                             "  for (int i = 0; i < e.kCount && thread_index() == 0; ++i)\n"
                             "    st_global(a + i, static_cast<u32>(__float_as_int(e.value[i])));",
                             x, share)},
        {&powers});
    ASSERT_TRUE(report.clean()) << text_of(report);
    std::vector<int> expected, places;
    for (int i = 0; i < 4 * share; ++i) expected.push_back(i * 16 / share);
    for (int i = 0; i < 64; ++i)
      if (powers[static_cast<size_t>(i)] == std::bit_cast<uint32_t>(by_polynomial)) places.push_back(i);
    EXPECT_EQ(places, expected) << share;
  }
}

// --- attention -------------------------------------------------------------------------------------------
TEST(Polynomial, is_right_with_every_policy_and_mask) {
  expect_right("attention_forward q_heads=2 q_len=200 kv_len=300 head_dim=64 lse=true",
               "consumer_warpgroups=2 key_tile=128 order=qk_first max_policy=always polynomial=2", {0, 1});
  expect_right(
      "attention_forward q_heads=2 q_len=130 kv_len=210 head_dim=128 dtype=fp16 mask=causal lse=true",
      "consumer_warpgroups=2 key_tile=64 order=pv_first max_policy=conditional polynomial=8", {0, 1});
  expect_right(
      "attention_forward q_heads=2 q_len=150 kv_len=210 head_dim=80 dtype=fp16",
      "consumer_warpgroups=1 key_tile=48 order=pv_first max_policy=speculative mask_loop=branch polynomial=4",
      {0, 1});
  expect_right("attention_forward q_heads=1 q_len=300 head_dim=32 mask=causal window_left=70 lse=true",
               "consumer_warpgroups=1 key_tile=32 max_policy=first_tile tile_order=static polynomial=1",
               {0, 1});
}

TEST(Polynomial, goes_with_other_choices) {
  expect_right("attention_forward q_heads=8 kv_heads=2 q_len=20 kv_len=300 head_dim=64 mask=causal",
               "consumer_warpgroups=1 key_tile=32 pack_gqa=true kv_splits=2 polynomial=4", {0, 1});
  expect_right("attention_forward q_heads=2 q_len=200 kv_len=200 head_dim=64",
               "consumer_warpgroups=2 key_tile=64 max_policy=sum_guard p_in=shared q_in=registers "
               "scale_q=true polynomial=2",
               {0, 1});
}

}  // namespace
}  // namespace warpfinch::emulator
