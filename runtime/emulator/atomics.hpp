// Read-modify-write of one value, and the arithmetic of 16-bit floats that it needs.
#pragma once

#include <cstddef>

#include "runtime/emulator/device/leaves.hpp"

namespace warpfinch::emulator {

constexpr size_t size_of(ValueType type) {
  return type == ValueType::u64 ? 8 : type == ValueType::bf16 || type == ValueType::fp16 ? 2 : 4;
}
// `value`: in, the operand (compare_exchange: what is compared, then the new value); out, what stood there.
void apply_atomic(AtomicOp op, ValueType type, void* at, void* value);

}  // namespace warpfinch::emulator
