#include "runtime/emulator/atomics.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>

#include "runtime/workload.hpp"

namespace warpfinch::emulator {
namespace {

template <class T>
T combined(AtomicOp op, T old, T value, T other) {
  switch (op) {
    case AtomicOp::add:
      return static_cast<T>(old + value);
    case AtomicOp::increment:
      return old >= value ? T{} : static_cast<T>(old + T{1});
    case AtomicOp::exchange:
      return value;
    case AtomicOp::compare_exchange:
      return old == value ? other : old;
    case AtomicOp::maximum:
      return std::max(old, value);
    case AtomicOp::minimum:
      return std::min(old, value);
    case AtomicOp::bit_or:
      if constexpr (std::is_integral_v<T>) return old | value;
      break;
    case AtomicOp::bit_and:
      if constexpr (std::is_integral_v<T>) return old & value;
      break;
  }
  assert(!"bitwise on a float");
  return old;
}

template <class T>
void apply(AtomicOp op, void* at, void* value) {
  T old, operand[2] = {};
  std::memcpy(&old, at, sizeof(T));
  std::memcpy(operand, value, op == AtomicOp::compare_exchange ? 2 * sizeof(T) : sizeof(T));
  const T next = combined(op, old, operand[0], operand[1]);
  std::memcpy(at, &next, sizeof(T));
  std::memcpy(value, &old, sizeof(T));
}

template <float (*Widen)(uint16_t), uint16_t (*Round)(float)>
void apply_narrow(AtomicOp op, void* at, void* value) {
  uint16_t old, operand;
  std::memcpy(&old, at, 2);
  std::memcpy(&operand, value, 2);
  const uint16_t next = Round(combined(op, Widen(old), Widen(operand), 0.0f));
  std::memcpy(at, &next, 2);
  std::memcpy(value, &old, 2);
}

}  // namespace

void apply_atomic(AtomicOp op, ValueType type, void* at, void* value) {
  switch (type) {
    case ValueType::u32:
      return apply<uint32_t>(op, at, value);
    case ValueType::i32:
      return apply<int32_t>(op, at, value);
    case ValueType::u64:
      return apply<uint64_t>(op, at, value);
    case ValueType::fp32:
      return apply<float>(op, at, value);
    case ValueType::bf16:
      return apply_narrow<from_bf16, to_bf16>(op, at, value);
    case ValueType::fp16:
      return apply_narrow<from_fp16, to_fp16>(op, at, value);
  }
}

}  // namespace warpfinch::emulator
