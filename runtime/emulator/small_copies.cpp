// cp.async: each thread copies 4, 8 or 16 bytes, waits for groups of them, or lets them arrive at an
// mbarrier. Generic proxy: wgmma and TMA see what it wrote behind a fence.proxy.async only.
#include <fmt/format.h>

#include <cstring>

#include "runtime/emulator/global.hpp"
#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/mbarrier.hpp"

namespace warpfinch::emulator {
namespace {

uint32_t component(Thread& thread) {
  if (thread.small_copy_component == 0) thread.small_copy_component = new_component(*thread.world);
  return thread.small_copy_component;
}

Copy& queue(Thread& thread) {
  Copy& copy = thread.world->copies.emplace_back();
  copy.small = true;
  copy.thread = &thread;
  copy.cta = thread.cta;
  copy.number = ++thread.world->copies_issued;
  copy.line = thread.line;
  copy.group = thread.small_copy_groups + 1;
  return copy;
}

void land(World& world, std::list<Copy>::iterator copy) {
  std::memcpy(copy->cta->shared.data() + (copy->call.shared - kSharedBase), copy->data.data(),
              copy->data.size());
  world.copies.erase(copy);
}

// All copies of the thread that were issued before `number`, up to a group.
void force(Thread& thread, uint32_t number, uint32_t up_to) {
  World& world = *thread.world;
  for (auto it = world.copies.begin(); it != world.copies.end();) {
    const auto copy = it++;
    if (copy->thread == &thread && copy->small && !copy->barrier && copy->number < number &&
        copy->group <= up_to)
      land(world, copy);
  }
}

void deliver_arrival(World& world, std::list<Copy>::iterator arrival) {
  const Copy copy = std::move(*arrival);
  world.copies.erase(arrival);
  force(*copy.thread, copy.number, ~0u);
  copy.barrier->collecting.join(copy.known);
  count_arrivals(*copy.thread, *copy.barrier, 1);
}

}  // namespace

void advance_small_copy(World& world, std::list<Copy>::iterator copy) {
  copy->barrier ? deliver_arrival(world, copy) : land(world, copy);
}

void small_copy_leaf(ThreadState& state, unsigned window_address, const void* from, int bytes,
                     int source_bytes) {
  Thread& thread = static_cast<Thread&>(state);
  const uint32_t to = own_address(thread, window_address);
  const auto size = static_cast<size_t>(bytes), read = static_cast<size_t>(source_bytes);
  if ((bytes != 4 && bytes != 8 && bytes != 16) || source_bytes < 0 || source_bytes > bytes) {
    report(thread, "wrong cp.async", fmt::format("{} bytes, {} of them from memory", bytes, source_bytes));
    abandon(thread);
  }
  if (!shared_bytes(thread, {thread.cta, to}, size, size, "cp.async")) abandon(thread);
  if (reinterpret_cast<uintptr_t>(from) % size != 0 ||
      (read > 0 && !global_range(thread, from, read, 1, false, "cp.async"))) {
    if (read > 0)
      report(thread, "misaligned access", fmt::format("cp.async of {} bytes from {}", bytes, from));
    if (read > 0) abandon(thread);
  }
  Access access = access_of(thread, Side::write);
  access.component = component(thread);
  access.epoch = thread.small_copy_groups + 1;
  Copy& copy = queue(thread);
  access.copy = copy.number;
  thread.open_small_copies = true;
  copy.call.shared = to;
  copy.data.assign(size, std::byte{0});
  if (read > 0) std::memcpy(copy.data.data(), from, read);
  const Knowledge* lane[] = {&thread.knows};
  touch_shared(thread, *thread.cta, to, size, access, lane);
  std::memset(thread.cta->shared.data() + (to - kSharedBase), 0x7f, size);
}

void small_copy_group_leaf(ThreadState& state, GroupOp op, int pending) {
  Thread& thread = static_cast<Thread&>(state);
  if (op == GroupOp::commit) {
    ++thread.small_copy_groups;
    thread.open_small_copies = false;
    return;
  }
  yield(thread);
  const auto left = static_cast<uint32_t>(pending);
  const uint32_t done = thread.small_copy_groups > left ? thread.small_copy_groups - left : 0;
  force(thread, ~0u, done);
  if (thread.small_copy_component != 0) thread.knows.happened.raise(thread.small_copy_component, done);
}

// cp.async.mbarrier.arrive.noinc: arrives once all copies of this thread so far have landed. It tells of
// these and, being no release of the thread's own, of nothing else.
void small_copy_arrive_leaf(ThreadState& state, unsigned address) {
  Thread& thread = static_cast<Thread&>(state);
  Mbarrier* barrier = find_mbarrier(thread, address, "cp.async.mbarrier.arrive");
  if (!barrier) abandon(thread);
  ++thread.small_copy_groups;  // whoever sees the arrival sees these copies
  thread.open_small_copies = false;
  Copy& arrival = queue(thread);
  arrival.barrier = barrier;
  if (thread.small_copy_component != 0)
    arrival.known.happened.raise(thread.small_copy_component, thread.small_copy_groups);
}

}  // namespace warpfinch::emulator
