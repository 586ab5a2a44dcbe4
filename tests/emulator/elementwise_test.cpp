// What elementwise ops compute, against the C library: a line here for each.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

struct Elementwise {
  std::string op;
  double (*right)(double);
  double near_zero = 0x1p-120;  // what a result near 0 may be wrong by
};
void PrintTo(const Elementwise& elementwise, std::ostream* out) { *out << elementwise.op; }

const Elementwise kElementwise[] = {
    {"exp2", [](double x) { return std::exp2(x); }},
    {"log2", [](double x) { return std::log2(x); }, 0x1p-22},  // PTX ISA, lg2.approx
    {"reciprocal", [](double x) { return 1 / x; }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, 0x1p-30},
    {"gelu", [](double x) { return x / 2 * std::erfc(-x / std::sqrt(2.0)); }, 0x1p-30},
    {"negate", [](double x) { return -x; }},
    {"absolute", [](double x) { return std::abs(x); }},
};

constexpr int kRows = 64, kColumns = 64;

std::string program_of(const std::string& op) {
  return fmt::format(
      "kernel elementwise target=sm_90a {{\n"
      "  param @x fp32 [{0}, {1}]\n"
      "  param @y fp32 [{0}, {1}] out\n"
      "  register %x fp32 [{0}, {1}] layout=vector\n"
      "  grid m in 0 .. {0} step {0} {{\n"
      "    load %x, @x[m, 0]\n"
      "    {2} %x, %x\n"
      "    store @y[m, 0], %x\n"
      "  }}\n"
      "}}\n",
      kRows, kColumns, op);
}

// Large and small ones of both signs, zeros and infinities.
float input(int i) {
  const float values[] = {0.0f,
                          -0.0f,
                          std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(),
                          200.0f,
                          -200.0f,
                          1.0f,
                          -1.0f};
  if (i < 8) return values[i];
  return std::ldexp(1.0f + static_cast<float>(i % 61) / 61, i % 17 - 10) * (i % 2 ? -1.0f : 1.0f);
}

class ElementwiseOps : public testing::TestWithParam<Elementwise> {};

// To 2^-21 of the result; infinite where fp32 is.
TEST_P(ElementwiseOps, compute_what_they_say) {
  const auto plan = generate_program(program_of(GetParam().op), target_by_name("sm_90a"));
  ASSERT_TRUE(plan) << plan.rejection().reason;
  std::vector<HostTensor> tensors = workload(plan->buffers, 1);
  for (int i = 0; i < kRows * kColumns; ++i) store_element(tensors[0], i, input(i));
  const Report report = run_plan(kernels_of(*plan), *plan, tensors, {});
  EXPECT_TRUE(report.clean()) << text_of(report);
  for (int i = 0; i < kRows * kColumns; ++i) {
    const double right = GetParam().right(input(i)), got = load_element(tensors[1], i);
    const auto rounded = static_cast<float>(right);
    if (std::isnan(right) || std::isinf(rounded)) {
      EXPECT_EQ(std::isnan(right), std::isnan(got)) << GetParam().op << "(" << input(i) << ")";
      if (std::isinf(rounded)) EXPECT_EQ(got, rounded) << GetParam().op << "(" << input(i) << ")";
    } else {
      EXPECT_NEAR(got, right, std::abs(right) * 0x1p-21 + GetParam().near_zero)
          << GetParam().op << "(" << input(i) << ")";
    }
  }
}
INSTANTIATE_TEST_SUITE_P(All, ElementwiseOps, testing::ValuesIn(kElementwise),
                         [](const auto& info) { return info.param.op; });

}  // namespace
}  // namespace warpfinch::emulator
