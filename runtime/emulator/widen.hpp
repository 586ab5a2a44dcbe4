// 16-bit floats to fp32, without loss.
#pragma once

#include <bit>
#include <cstdint>

#include "runtime/emulator/device/leaves.hpp"

namespace warpfinch::emulator {

inline float widen(ValueType type, uint16_t bits) {
  if (type == ValueType::bf16) return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  const uint32_t sign = (bits & 0x8000u) << 16, size = bits & 0x7fffu;
  if (size >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (size & 0x3ffu) << 13);
  if (size >= 0x400u) return std::bit_cast<float>(sign | ((size << 13) + 0x38000000u));
  const float value = static_cast<float>(size) * 0x1p-24f;
  return sign ? -value : value;
}

}  // namespace warpfinch::emulator
