// The copy engine: tensor and bulk copies between global and shared memory. A load's destination is poison
// until the copy lands; a store reads its source, and writes, some time after it was issued.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/emulator/copy_data.hpp"
#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/mbarrier.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

constexpr std::string_view kNames[] = {
    "cp.async.bulk.tensor load", "cp.async.bulk.tensor store", "cp.reduce.async.bulk.tensor.add",
    "cp.async.bulk load",        "cp.async.bulk store",        "cp.reduce.async.bulk.add"};
std::string_view name(const CopyCall& call) { return kNames[static_cast<int>(call.op)]; }
bool is_load(const CopyCall& call) { return call.op == CopyOp::tensor_load || call.op == CopyOp::bulk_load; }

// False where the instruction itself is wrong, with a hazard reported.
bool check_map(Thread& thread, const CopyCall& call) {
  const auto& encoded = *static_cast<const EncodedMap*>(call.map);
  std::string fault;
  if (encoded.magic != kMapMagic)
    fault = "its parameter holds no tensor map";
  else if (static_cast<int>(encoded.map->box.size()) != call.rank)
    fault = fmt::format("{} coordinates for a map of {} dimensions", call.rank, encoded.map->box.size());
  else
    fault = map_fault(*encoded.map, encoded.base);
  if (fault.empty()) return true;
  report(thread, "wrong tensor map", fmt::format("{}: {}", name(call), fault));
  return false;
}

bool check_bulk(Thread& thread, const CopyCall& call) {
  if (call.bytes > 0 && call.bytes % 16 == 0 && reinterpret_cast<uintptr_t>(call.global) % 16 == 0)
    return true;
  report(thread, "misaligned access",
         fmt::format("{} of {} bytes at {}: size and addresses are multiples of 16", name(call), call.bytes,
                     call.global));
  return false;
}

bool check_call(Thread& thread, const CopyCall& call) {
  const bool tensor = call.map != nullptr;
  if (!(tensor ? check_map(thread, call) : check_bulk(thread, call))) return false;
  const auto bytes = static_cast<size_t>(copy_bytes(call));
  return shared_bytes(thread, {thread.cta, call.shared}, bytes, tensor ? 128 : 16, name(call)) != nullptr;
}

void check_init_fenced(Thread& thread, const Mbarrier& barrier) {
  if (barrier.init_fenced) return;
  report(thread, "missing proxy fence",
         fmt::format("the copy engine is given {}, whose initialisation is not fenced",
                     thread.world->run->places.barrier(barrier.address)),
         {"it is initialised at " + line_text(*thread.world->run, barrier.init_line),
          "missing: fence.mbarrier_init or fence.proxy.async behind mbarrier.init"},
         barrier.init_line);
}

Copy& queue(Thread& thread, const CopyCall& call, Cta& cta) {
  World& world = *thread.world;
  Copy& copy = world.copies.emplace_back();
  copy.call = call;
  copy.thread = &thread;
  copy.cta = &cta;
  copy.number = ++world.copies_issued;
  copy.line = thread.line;
  copy.bytes = copy_bytes(call);
  return copy;
}

Access access_of(const Copy& copy, Side side, uint32_t component, Epoch epoch) {
  Access access = access_of(*copy.thread, side);
  access.component = component;
  access.epoch = epoch;
  access.swizzle = static_cast<uint8_t>(copy_swizzle(copy.call));
  access.copy = copy.number;
  return access;
}

void issue_load(Thread& thread, const CopyCall& call, Cta& cta) {
  Mbarrier* barrier = find_mbarrier(thread, {&cta, call.barrier}, name(call));
  if (!barrier) abandon(thread);
  check_init_fenced(thread, *barrier);
  Copy& copy = queue(thread, call, cta);
  copy.barrier = barrier;
  expect_copy(*thread.world, *barrier, copy.bytes);
  const Knowledge* lane[] = {&thread.knows};
  touch_shared(thread, cta, call.shared, static_cast<size_t>(copy.bytes),
               access_of(copy, Side::copy_write, barrier->component, barrier->phase + 1), lane);
  std::memset(cta.shared.data() + (call.shared - kSharedBase), 0x7f, static_cast<size_t>(copy.bytes));
  note_global(copy, barrier->component, barrier->phase + 1);
}

void issue_store(Thread& thread, const CopyCall& call) {
  if (thread.copy_read_component == 0) {
    thread.copy_read_component = new_component(*thread.world);
    thread.copy_write_component = new_component(*thread.world);
  }
  Copy& copy = queue(thread, call, *thread.cta);
  copy.group = thread.copy_groups + 1;
  thread.open_copies = true;
  const Knowledge* lane[] = {&thread.knows};
  touch_shared(thread, *thread.cta, call.shared, static_cast<size_t>(copy.bytes),
               access_of(copy, Side::copy_read, thread.copy_read_component, copy.group), lane);
  note_global(copy, thread.copy_write_component, copy.group);
}

void finish(World& world, std::list<Copy>::iterator copy) {
  Copy done = std::move(*copy);
  world.copies.erase(copy);
  if (done.barrier) complete_copy(world, done);
}

// Steps of this thread's stores up to a group: reads, or everything.
void force_stores(Thread& thread, uint32_t up_to, bool writes) {
  World& world = *thread.world;
  for (auto it = world.copies.begin(); it != world.copies.end();) {
    const auto copy = it++;
    if (copy->thread != &thread || copy->barrier || copy->small || copy->group > up_to) continue;
    if (!copy->has_read) advance_copy(world, copy);
    if (writes) advance_copy(world, copy);
  }
}

}  // namespace

void advance_copy(World& world, std::list<Copy>::iterator copy) {
  if (copy->small) return advance_small_copy(world, copy);
  if (!copy->has_read) {
    read_source(*copy);
    copy->has_read = true;
    // A load takes one step: nobody can see it between the two.
    if (!copy->barrier) return;
  }
  write_destination(*copy);
  finish(world, copy);
}

void copy_leaf(ThreadState& state, const CopyCall& windowed) {
  Thread& thread = static_cast<Thread&>(state);
  CopyCall call = windowed;
  call.shared = own_address(thread, windowed.shared);
  call.barrier = own_address(thread, windowed.barrier);
  if (!check_call(thread, call)) abandon(thread);
  if (!is_load(call)) return issue_store(thread, call);
  if (call.multicast == 0) return issue_load(thread, call, *thread.cta);
  for (Cta& cta : thread.world->ctas)
    if (call.multicast >> cta.rank & 1) issue_load(thread, call, cta);
}

void copy_group_leaf(ThreadState& state, GroupOp op, int pending) {
  Thread& thread = static_cast<Thread&>(state);
  if (op == GroupOp::commit) {
    ++thread.copy_groups;
    thread.open_copies = false;
    return;
  }
  yield(thread);  // the others see the copies pending for a while
  const uint32_t left = static_cast<uint32_t>(pending);
  const uint32_t done = thread.copy_groups > left ? thread.copy_groups - left : 0;
  force_stores(thread, done, op == GroupOp::wait);
  if (thread.copy_read_component == 0) return;
  thread.knows.happened.raise(thread.copy_read_component, done);
  if (op == GroupOp::wait) thread.knows.happened.raise(thread.copy_write_component, done);
}

}  // namespace warpfinch::emulator
