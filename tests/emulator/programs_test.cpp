// Programs of the IR that no operation builds: a first factor that lies transposed, on every matrix unit.
// Under several schedules without a hazard, and right.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

// c = a^T b, where a is [k, m] and b is [k, n].
std::string transposed_product(int m_tile, int k, const std::string& target, const std::string& more = "") {
  return fmt::format(
      "kernel product target={} {} {{\n"
      "  param @a bf16 [{}, 200]\n"
      "  param @b bf16 [{}, 96]\n"
      "  param @c fp32 [200, 96] out\n"
      "  shared $a bf16 [64, {}] stages=2\n"
      "  shared $b bf16 [64, 32] stages=2\n"
      "  register %c fp32 [{}, 32]\n"
      "  grid m in 0 .. 200 step {}, n in 0 .. 96 step 32 tile_order=static {{\n"
      "    fill %c, 0\n"
      "    for k in 0 .. {} step 64 {{\n"
      "      load $a, @a[k, m]\n"
      "      load $b, @b[k, n]\n"
      "      mma %c, $a^T, $b accumulate\n"
      "    }}\n"
      "    store @c[m, n], %c\n"
      "  }}\n"
      "}}\n",
      target, more, k, k, m_tile, m_tile, m_tile, k);
}

// The largest |c - a^T b| of the element's sum of magnitudes.
double worst_of_transposed_product(const std::vector<HostTensor>& tensors, int k) {
  const auto at = [&](size_t tensor, int row, int column, int columns) {
    return static_cast<double>(load_element(tensors[tensor], static_cast<int64_t>(row) * columns + column));
  };
  double worst = 0;
  for (int m = 0; m < 200; ++m)
    for (int n = 0; n < 96; ++n) {
      double sum = 0, magnitude = 0;
      for (int i = 0; i < k; ++i) {
        const double term = at(0, i, m, 200) * at(1, i, n, 96);
        sum += term, magnitude += std::abs(term);
      }
      worst = std::max(worst, std::abs(at(2, m, n, 96) - sum) / magnitude);
    }
  return worst;
}

void expect_right_product(const std::string& target, int m_tile, const std::string& more) {
  SCOPED_TRACE(fmt::format("{} m_tile={} {}", target, m_tile, more));
  constexpr int kDepth = 160;
  const auto plan =
      generate_program(transposed_product(m_tile, kDepth, target, more), target_by_name(target));
  ASSERT_TRUE(plan) << plan.rejection().reason;
  const auto kernels = kernels_of(*plan);
  for (uint64_t seed = 0; seed < 3; ++seed) {
    std::vector<HostTensor> tensors = workload(plan->buffers, 5);
    const Report report = run_plan(kernels, *plan, tensors, {.schedule_seed = seed});
    EXPECT_TRUE(report.clean()) << text_of(report);
    EXPECT_LT(worst_of_transposed_product(tensors, kDepth), kDepth * 0x1p-22);
  }
}

TEST(EmulatedPrograms, multiply_by_a_transposed_first_factor) {
  for (const char* target : {"sm_90a", "sm_90", "sm_80"})
    for (int m_tile : {64, 128})
      for (const char* more : {"", "swizzle=64", "copy=cp_async swizzle=32"})
        expect_right_product(target, m_tile, more);
}

}  // namespace
}  // namespace warpfinch::emulator
