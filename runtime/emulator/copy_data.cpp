#include "runtime/emulator/copy_data.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/emulator/atomics.hpp"
#include "runtime/emulator/global.hpp"
#include "runtime/emulator/swizzle.hpp"

namespace warpfinch::emulator {
namespace {

const EncodedMap& encoded(const CopyCall& call) { return *static_cast<const EncodedMap*>(call.map); }
bool is_load(const CopyCall& call) { return call.op == CopyOp::tensor_load || call.op == CopyOp::bulk_load; }
bool adds(const CopyCall& call) { return call.op == CopyOp::tensor_add || call.op == CopyOp::bulk_add; }
ValueType value_type(const CopyCall& call) {
  if (!call.map) return call.type;
  const DataType type = encoded(call).map->type;
  return type == DataType::fp32   ? ValueType::fp32
         : type == DataType::bf16 ? ValueType::bf16
                                  : ValueType::fp16;
}

// Runs of bytes: place in the box, place in global memory.
template <class Visit>
void for_each_run(const Copy& copy, Visit visit) {
  const CopyCall& call = copy.call;
  if (!call.map) return visit(int64_t{0}, static_cast<std::byte*>(call.global), copy.bytes);
  const EncodedMap& map = encoded(call);
  for_each_box_row(*map.map, call.at, [&](const BoxRow& row) {
    if (row.bytes > 0) visit(row.box_offset + row.first, map.base + row.global_offset, row.bytes);
  });
}

// 16 bytes of the box at a time: their place in shared memory.
template <class Visit>
void for_each_chunk(const Copy& copy, Visit visit) {
  const int swizzle = copy_swizzle(copy.call);
  std::byte* shared = copy.cta->shared.data() - kSharedBase;
  for (int64_t offset = 0; offset < copy.bytes; offset += 16) {
    const uint32_t address = swizzled(copy.call.shared + static_cast<uint32_t>(offset), swizzle);
    visit(copy.bytes - offset < 16 ? copy.bytes - offset : 16, offset, shared + address);
  }
}

void add_run(ValueType type, std::byte* to, const std::byte* from, int64_t bytes) {
  const auto size = static_cast<int64_t>(size_of(type));
  for (int64_t i = 0; i < bytes; i += size) {
    std::byte operand[8];
    std::memcpy(operand, from + i, static_cast<size_t>(size));
    apply_atomic(AtomicOp::add, type, to + i, operand);
  }
}

}  // namespace

int64_t copy_bytes(const CopyCall& call) { return call.map ? box_bytes(*encoded(call).map) : call.bytes; }
int copy_swizzle(const CopyCall& call) { return call.map ? encoded(call).map->swizzle : 0; }

void note_global(Copy& copy, uint32_t component, Epoch epoch) {
  const bool load = is_load(copy.call);
  Access access = access_of(*copy.thread, load              ? Side::copy_read
                                          : adds(copy.call) ? Side::atomic
                                                            : Side::copy_write);
  access.component = component;
  access.epoch = epoch;
  access.copy = copy.number;
  for_each_run(copy, [&](int64_t, std::byte* global, int64_t bytes) {
    const auto size = static_cast<size_t>(bytes);
    GlobalRange* range = global_range(*copy.thread, global, size, 1, !load, "copy");
    if (!range) abandon(*copy.thread);
    touch_global(*copy.thread, *range, global, size, access);
  });
}

void read_source(Copy& copy) {
  copy.data.assign(static_cast<size_t>(copy.bytes), std::byte{0});  // what lies outside is zero
  if (is_load(copy.call))
    for_each_run(copy, [&](int64_t box, const std::byte* global, int64_t bytes) {
      std::memcpy(copy.data.data() + box, global, static_cast<size_t>(bytes));
    });
  else
    for_each_chunk(copy, [&](int64_t bytes, int64_t box, const std::byte* shared) {
      std::memcpy(copy.data.data() + box, shared, static_cast<size_t>(bytes));
    });
}

void write_destination(Copy& copy) {
  if (is_load(copy.call))
    return for_each_chunk(copy, [&](int64_t bytes, int64_t box, std::byte* shared) {
      std::memcpy(shared, copy.data.data() + box, static_cast<size_t>(bytes));
    });
  RunState& run = *copy.cta->world->run;
  for_each_run(copy, [&](int64_t box, std::byte* global, int64_t bytes) {
    if (!adds(copy.call)) {
      std::memcpy(global, copy.data.data() + box, static_cast<size_t>(bytes));
      return;
    }
    const std::lock_guard lock(run.find(global, static_cast<size_t>(bytes))->mutex);
    add_run(value_type(copy.call), global, copy.data.data() + box, bytes);
  });
}

}  // namespace warpfinch::emulator
