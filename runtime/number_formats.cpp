// bf16 and fp16 in software, round to nearest even: the same bits on every CPU.
#include <bit>

#include "runtime/workload.hpp"

namespace warpfinch {
namespace {

constexpr uint32_t kSign = 0x8000'0000, kInfinity = 0x7f80'0000;

// value >> shift, rounded to nearest even. shift is 1..31.
uint32_t shift_rounded(uint32_t value, int shift) {
  const uint32_t half = 1u << (shift - 1);
  const uint32_t odd = (value >> shift) & 1;
  return (value + half - 1 + odd) >> shift;
}

}  // namespace

uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & ~kSign) > kInfinity)
    return static_cast<uint16_t>(bits >> 16 | 0x40);  // NaN: quiet, never infinity
  return static_cast<uint16_t>(shift_rounded(bits, 16));
}

float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

uint16_t to_fp16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits & kSign) >> 16;
  const uint32_t magnitude = bits & ~kSign;
  if (magnitude > kInfinity) return static_cast<uint16_t>(sign | 0x7e00);
  constexpr uint32_t kOverflow = 0x477f'f000;        // 65520, halfway to the first number beyond the range
  constexpr uint32_t kSmallestNormal = 0x3880'0000;  // 2^-14
  constexpr uint32_t kHalfSubnormal = 0x3300'0000;   // 2^-25: up to here zero is nearest
  if (magnitude >= kOverflow) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude <= kHalfSubnormal) return static_cast<uint16_t>(sign);
  if (magnitude >= kSmallestNormal)
    return static_cast<uint16_t>(sign |
                                 shift_rounded(magnitude - (112u << 23), 13));  // exponent bias 127 -> 15
  const int exponent = static_cast<int>(magnitude >> 23);
  const uint32_t significand = (magnitude & 0x7f'ffff) | 0x80'0000;
  return static_cast<uint16_t>(sign | shift_rounded(significand, 126 - exponent));
}

float from_fp16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 31, fraction = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | kInfinity | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

}  // namespace warpfinch
