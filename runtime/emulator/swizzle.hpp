// The XOR of shared-memory addresses that TMA and wgmma share (PTX ISA, "Swizzling modes").
#pragma once

#include <cstdint>

namespace warpfinch::emulator {

// The 16-byte chunk's number within `swizzle` bytes, XORed with the number of the 128-byte line: of its low
// three bits (128), two (64) or one (32). `phase`: lines by which the pattern starts later.
constexpr uint32_t swizzled(uint32_t address, int swizzle, uint32_t phase = 0) {
  if (swizzle == 0) return address;
  const uint32_t line = (address >> 7) - phase;
  return address ^ ((line << 4) & static_cast<uint32_t>(swizzle - 16));
}

}  // namespace warpfinch::emulator
