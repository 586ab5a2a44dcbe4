#include "runtime/emulator/global.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/emulator/atomics.hpp"
#include "runtime/emulator/leaf_functions.hpp"

namespace warpfinch::emulator {
namespace {

// Where an address lies, for reports: the nearest allocation.
std::string place_text(RunState& run, const void* address) {
  const auto* at = static_cast<const std::byte*>(address);
  const GlobalRange* nearest = nullptr;
  for (const auto& range : run.memory())
    if (range->allocation.data <= at) nearest = range.get();
  if (!nearest) return fmt::format("address {}", address);
  return fmt::format("byte {} of '{}', which has {}", at - nearest->allocation.data, nearest->allocation.name,
                     nearest->allocation.bytes);
}

void report_conflict(Thread& thread, const GlobalRange& range, const Conflict& conflict,
                     const Access& after) {
  RunState& run = *thread.world->run;
  const Access before = range.shadow->access(conflict.other);
  report(run, {conflict.why == Why::not_proxied ? "missing proxy fence" : "data race",
               fmt::format("bytes {}..{} of '{}'", conflict.begin, conflict.end - 1, range.allocation.name),
               thread.block,
               after.line,
               before.line,
               {access_text(run, after),
                other_side_text(run, before, conflict.why) +
                    (before.block != after.block ? fmt::format(" in block {}", before.block) : ""),
                missing_text(before, after, conflict.why, Shadow::Memory::global)}});
}

// What was fenced before an atomic is known to those who fence behind a later one on the same place.
void hand_over(Thread& thread, SharedElsewhere& place) {
  place.join(thread.fenced);
  thread.received.join(place);
}

}  // namespace

void fence_device(Thread& thread) {
  const int cluster = thread.world->first_block;
  Knowledge& knows = thread.knows;
  knows.elsewhere.join(thread.received);
  if (const Clock* own = knows.elsewhere.find(cluster)) knows.happened.join(*own);
  thread.fenced = knows.elsewhere;
  thread.fenced.join(cluster, knows.happened);
  knows.happened.raise(thread.component, thread.epoch() + 1);
}

GlobalRange* global_range(Thread& thread, const void* address, size_t bytes, size_t alignment, bool write,
                          std::string_view what) {
  RunState& run = *thread.world->run;
  GlobalRange* range = run.find(address, bytes);
  if (!range) {
    report(thread, "out of bounds",
           fmt::format("{} of {} bytes at {}", what, bytes, place_text(run, address)));
    return nullptr;
  }
  if (reinterpret_cast<uintptr_t>(address) % alignment != 0) {
    report(thread, "misaligned access",
           fmt::format("{} of {} bytes at {}", what, bytes, place_text(run, address)));
    return nullptr;
  }
  if (write && !range->allocation.writable) {
    report(thread, "out of bounds", fmt::format("{} into the input '{}'", what, range->allocation.name));
    return nullptr;
  }
  return range;
}

void touch_global(Thread& thread, GlobalRange& range, const void* address, size_t bytes,
                  const Access& access) {
  if (!range.shadow) return;
  std::vector<Conflict> conflicts;
  const Knowledge* lane[] = {&thread.knows};
  const auto begin = static_cast<size_t>(static_cast<const std::byte*>(address) - range.allocation.data);
  const std::lock_guard lock(range.mutex);
  const ByteRange touched[] = {{begin, begin + bytes}};
  range.shadow->touch(touched, range.shadow->add(access), {lane, thread.world->first_block}, conflicts);
  for (const Conflict& conflict : conflicts) report_conflict(thread, range, conflict, access);
}

void load_global_leaf(ThreadState& state, const void* from, void* to, int bytes) {
  Thread& thread = static_cast<Thread&>(state);
  const auto size = static_cast<size_t>(bytes);
  GlobalRange* range = global_range(thread, from, size, size, false, "ld.global");
  if (!range) {
    std::memset(to, 0x7f, size);
    return;
  }
  touch_global(thread, *range, from, size, access_of(thread, Side::read));
  std::memcpy(to, from, size);
}

void store_global_leaf(ThreadState& state, void* to, const void* from, int bytes) {
  Thread& thread = static_cast<Thread&>(state);
  const auto size = static_cast<size_t>(bytes);
  GlobalRange* range = global_range(thread, to, size, size, true, "st.global");
  if (!range) return;
  touch_global(thread, *range, to, size, access_of(thread, Side::write));
  std::memcpy(to, from, size);
}

void atomic_global_leaf(ThreadState& state, AtomicOp op, ValueType type, void* address, void* value,
                        int count) {
  Thread& thread = static_cast<Thread&>(state);
  const size_t size = size_of(type), bytes = size * static_cast<size_t>(count);
  GlobalRange* range = global_range(thread, address, bytes, bytes, true, "atom.global");
  if (!range) return;
  touch_global(thread, *range, address, bytes, access_of(thread, Side::atomic));
  const std::lock_guard lock(range->mutex);
  hand_over(thread, range->released[static_cast<const std::byte*>(address) - range->allocation.data]);
  for (int i = 0; i < count; ++i)
    apply_atomic(op, type, static_cast<std::byte*>(address) + size * static_cast<size_t>(i),
                 static_cast<std::byte*>(value) + size * static_cast<size_t>(i));
}

}  // namespace warpfinch::emulator
