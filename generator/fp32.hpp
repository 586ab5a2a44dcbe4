// Numbers of problems and programs are doubles on the host and fp32 in kernels: each is checked as the fp32
// that it becomes.
#pragma once

#include <cmath>
#include <string_view>

namespace warpfinch {

// Is it finite as fp32, and 0 there only if it is 0? A subnormal fits: kernels flush none, but 2^x does.
inline bool fits_fp32(double number) {
  const auto narrow = static_cast<float>(number);
  return std::isfinite(narrow) && (narrow != 0 || number == 0);
}

// Does it keep all 24 bits of its precision?
inline bool is_normal_fp32(double number) { return std::isnormal(static_cast<float>(number)); }
inline constexpr std::string_view kNormalFp32 = "from 1.2e-38 to 3.4e38";

// What kernels multiply scores by: exponentials are taken to base 2, so scale * log2(e).
inline float exponent_factor(double scale) { return static_cast<float>(scale * 1.4426950408889634); }

// The softmax reference is a maximum, which a negative factor would make the minimum, and 0 times a hidden
// key's -inf is NaN. With a smaller one than this the factor's inverse takes a few log2 units beyond fp32,
// where the reference is raised by what sums grew (templates/raise_to_sum.cuh).
inline bool is_exponent_factor(double factor) {
  constexpr double kLeast = 1e-30;
  return factor >= kLeast && is_normal_fp32(factor);
}
inline constexpr std::string_view kExponentFactors = "from 1e-30 to 3.4e38";

}  // namespace warpfinch
