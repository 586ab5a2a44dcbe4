// Shared memory: bounds, the shadow, and the leaves that read and write it.
#include <fmt/format.h>

#include <cstring>

#include "runtime/emulator/atomics.hpp"
#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

bool is_in_flight(const World& world, const Access& access) {
  for (const Copy& copy : world.copies)
    if (copy.number == access.copy) return true;
  return false;
}

std::string_view kind_of(const World& world, const Conflict& conflict, const Access& before,
                         const Access& after) {
  switch (conflict.why) {
    case Why::uninitialised:
      return "uninitialised read";
    case Why::not_proxied:
      return "missing proxy fence";
    case Why::swizzle:
      return "swizzle mismatch";
    case Why::barrier_object:
      return "access to an mbarrier";
    case Why::race:
      break;
  }
  const bool reads = after.side != Side::write && after.side != Side::copy_write;
  if (reads && before.side == Side::copy_write && is_in_flight(world, before)) return "read in flight";
  return "data race";
}

void report_conflict(Thread& thread, const Cta& cta, const Conflict& conflict, const Access& after) {
  RunState& run = *thread.world->run;
  const Access before = cta.shadow->access(conflict.other);
  const std::string where = run.places.bytes(static_cast<uint32_t>(conflict.begin) + kSharedBase,
                                             static_cast<uint32_t>(conflict.end) + kSharedBase);
  Finding finding{kind_of(*thread.world, conflict, before, after),
                  where,
                  thread.block,
                  after.line,
                  conflict.other ? before.line : 0,
                  {access_text(run, after)}};
  if (conflict.other == 0) {
    finding.details.push_back("nothing was ever written there");
  } else {
    finding.details.push_back(other_side_text(run, before, conflict.why));
    if (conflict.why != Why::barrier_object)
      finding.details.push_back(missing_text(before, after, conflict.why, Shadow::Memory::shared));
  }
  report(run, finding);
}

}  // namespace

Access access_of(const Thread& thread, Side side) {
  return {.component = thread.component,
          .epoch = thread.epoch(),
          .block = thread.block,
          .cluster = thread.world->first_block,
          .line = thread.line,
          .thread = thread.thread,
          .side = side};
}

uint32_t own_address(const Thread& thread, uint32_t address) {
  return address ^ static_cast<uint32_t>(thread.cta->rank) << kRankShift;
}

SharedPlace shared_place(Thread& thread, uint32_t address) {
  const uint32_t rank = address >> kRankShift;
  if (rank >= thread.world->ctas.size()) {
    report(thread, "out of bounds", fmt::format("address {:#x} is in no block of the cluster", address));
    abandon(thread);
  }
  Cta& cta = thread.world->ctas[rank];
  if (&cta != thread.cta) cta.remote[&thread] = {thread.epoch(), thread.line};
  return {&cta, address & kInBlock};
}

std::byte* shared_bytes(Thread& thread, const SharedPlace& place, size_t bytes, size_t alignment,
                        std::string_view what) {
  Cta& cta = *place.cta;
  const uint32_t address = place.address;
  const int64_t offset = static_cast<int64_t>(address) - kSharedBase;
  if (offset < 0 || offset + static_cast<int64_t>(bytes) > static_cast<int64_t>(cta.shared.size())) {
    report(thread, "out of bounds",
           fmt::format("{} of {} bytes at shared + {}; the block has {} bytes", what, bytes, offset,
                       cta.shared.size()));
    return nullptr;
  }
  if (address % alignment != 0) {
    report(thread, "misaligned access",
           fmt::format("{} at shared + {}, which is no multiple of {}", what, offset, alignment));
    return nullptr;
  }
  return cta.shared.data() + offset;
}

void touch_shared(Thread& thread, Cta& cta, std::span<const ByteRange> ranges, const Access& access,
                  std::span<const Knowledge* const> lanes) {
  std::vector<Conflict> conflicts;
  cta.shadow->touch(ranges, cta.shadow->add(access), {lanes, thread.world->first_block}, conflicts);
  for (const Conflict& conflict : conflicts) report_conflict(thread, cta, conflict, access);
}

void touch_shared(Thread& thread, Cta& cta, uint32_t address, size_t bytes, const Access& access,
                  std::span<const Knowledge* const> lanes) {
  const size_t begin = address - kSharedBase;
  const ByteRange range[] = {{begin, begin + bytes}};
  touch_shared(thread, cta, range, access, lanes);
}

void load_shared_leaf(ThreadState& state, unsigned address, void* to, int bytes) {
  Thread& thread = static_cast<Thread&>(state);
  const auto size = static_cast<size_t>(bytes);
  const SharedPlace place = shared_place(thread, address);
  const std::byte* from = shared_bytes(thread, place, size, size, "ld.shared");
  if (!from) {
    std::memset(to, 0x7f, size);
    return;
  }
  const Knowledge* lane[] = {&thread.knows};
  touch_shared(thread, *place.cta, place.address, size, access_of(thread, Side::read), lane);
  std::memcpy(to, from, size);
}

void store_shared_leaf(ThreadState& state, unsigned address, const void* from, int bytes) {
  Thread& thread = static_cast<Thread&>(state);
  const auto size = static_cast<size_t>(bytes);
  const SharedPlace place = shared_place(thread, address);
  std::byte* to = shared_bytes(thread, place, size, size, "st.shared");
  if (!to) return;
  const Knowledge* lane[] = {&thread.knows};
  touch_shared(thread, *place.cta, place.address, size, access_of(thread, Side::write), lane);
  std::memcpy(to, from, size);
}

void atomic_shared_leaf(ThreadState& state, AtomicOp op, ValueType type, unsigned address, void* value,
                        int count) {
  Thread& thread = static_cast<Thread&>(state);
  const size_t size = size_of(type), bytes = size * static_cast<size_t>(count);
  const SharedPlace place = shared_place(thread, address);
  std::byte* at = shared_bytes(thread, place, bytes, bytes, "atom.shared");
  if (!at) return;
  const Knowledge* lane[] = {&thread.knows};
  touch_shared(thread, *place.cta, place.address, bytes, access_of(thread, Side::atomic), lane);
  for (int i = 0; i < count; ++i)
    apply_atomic(op, type, at + size * static_cast<size_t>(i),
                 static_cast<std::byte*>(value) + size * static_cast<size_t>(i));
}

}  // namespace warpfinch::emulator
