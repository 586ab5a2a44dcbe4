// Where wgmma finds the elements of a matrix that a descriptor describes (PTX ISA, "Matrix descriptor" and
// "Canonical layouts"), for 16-bit types.
#pragma once

#include <cstdint>

#include "runtime/emulator/swizzle.hpp"

namespace warpfinch::emulator {

struct MatrixDescriptor {
  uint32_t start, leading, stride;  // bytes
  uint32_t base_offset;
  int swizzle;  // 0, 32, 64, 128
};

constexpr MatrixDescriptor decode_descriptor(uint64_t bits) {
  constexpr int kSwizzles[] = {0, 128, 64, 32};
  return {static_cast<uint32_t>(bits & 0x3fff) << 4, static_cast<uint32_t>(bits >> 16 & 0x3fff) << 4,
          static_cast<uint32_t>(bits >> 32 & 0x3fff) << 4, static_cast<uint32_t>(bits >> 49 & 7),
          kSwizzles[bits >> 62]};
}

// Address of the 16-byte chunk that begins at row `row` and element `k` (0 or 8), where k runs along the
// bytes.
constexpr uint32_t chunk_along_k(const MatrixDescriptor& m, uint32_t row, uint32_t k) {
  if (m.swizzle == 0) return m.start + row / 8 * m.stride + k / 8 * m.leading + row % 8 * 16;
  const uint32_t span = static_cast<uint32_t>(m.swizzle);
  return swizzled(m.start + row / 8 * m.stride + row % 8 * span + k * 2, m.swizzle, m.base_offset);
}

// The same where the other dimension (m or n) runs along the bytes: element `k`, chunk of 8 from `column` on.
constexpr uint32_t chunk_along_mn(const MatrixDescriptor& m, uint32_t k, uint32_t column) {
  if (m.swizzle == 0) return m.start + column / 8 * m.stride + k / 8 * m.leading + k % 8 * 16;
  const uint32_t span = static_cast<uint32_t>(m.swizzle), byte = column * 2;
  return swizzled(m.start + byte / span * m.leading + k / 8 * m.stride + k % 8 * span + byte % span,
                  m.swizzle, m.base_offset);
}

}  // namespace warpfinch::emulator
