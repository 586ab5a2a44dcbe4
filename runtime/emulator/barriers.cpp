// bar.sync, bar.arrive, bar.red: the sixteen barriers of a block, which count threads in whole warps. And
// fences.
#include <fmt/format.h>

#include "runtime/emulator/global.hpp"
#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

constexpr std::string_view kNames[] = {"bar.sync", "bar.arrive", "bar.red.or", "bar.red.and", "bar.red.popc"};

bool check_arguments(Thread& thread, int barrier, int threads) {
  if (barrier >= 0 && barrier < 16 && threads > 0 && threads % 32 == 0 && threads <= thread.threads)
    return true;
  report(thread, "wrong barrier",
         fmt::format("barrier {} for {} threads; a block of {} has 0..15, and counts in whole warps", barrier,
                     threads, thread.threads));
  return false;
}

uint32_t result_of(const NamedBarrier& barrier) {
  return barrier.op == BarOp::reduce_or    ? barrier.any
         : barrier.op == BarOp::reduce_and ? barrier.all
                                           : barrier.count;
}

void complete(NamedBarrier& barrier) {
  for (Warp* warp : barrier.waiting)
    for (Thread* lane : warp->lanes) {
      lane->knows.join(barrier.brought);
      warp->slots[static_cast<size_t>(lane->lane)].result = result_of(barrier);
      if (lane->wait != Wait::none) wake(*lane);
    }
  barrier = {};
}

// Allowed by the ISA, but it orders nothing: somebody's wait is missing, and who waits next waits for others.
void report_unawaited(Thread& thread, const NamedBarrier& barrier, uint32_t number) {
  report(thread, "wrong barrier",
         fmt::format("barrier {} completes with {} threads that arrive and none that waits", number,
                     barrier.arrived),
         {"the first arrival is at " + line_text(*thread.world->run, barrier.line)}, barrier.line);
}

// A whole warp arrives.
void arrive(Thread& thread, NamedBarrier& barrier, BarOp op, int threads) {
  Warp& warp = *thread.warp;
  if (barrier.arrived > 0 && barrier.expected != threads)
    report(thread, "wrong barrier",
           fmt::format("this arrival counts to {} threads, those before it to {}", threads, barrier.expected),
           {"an earlier arrival is at " + line_text(*thread.world->run, barrier.line)}, barrier.line);
  if (barrier.arrived == 0) barrier.line = thread.line;
  barrier.expected = threads;
  for (Thread* lane : warp.lanes) {
    publish(*lane, barrier.brought);
    const uint32_t predicate = warp.slots[static_cast<size_t>(lane->lane)].value;
    barrier.any |= predicate;
    barrier.all &= predicate;
    barrier.count += predicate;
  }
  barrier.arrived += 32;
  if (op == BarOp::arrive) return;
  barrier.op = op;
  barrier.waiting.push_back(&warp);
}

}  // namespace

unsigned bar_leaf(ThreadState& state, BarOp op, int number, int threads, unsigned predicate) {
  Thread& thread = static_cast<Thread&>(state);
  if (!check_arguments(thread, number, threads)) abandon(thread);
  LaneSlot& slot = thread.warp->slots[static_cast<size_t>(thread.lane)];
  const auto own = static_cast<uint32_t>(number);
  if (!gather(thread, kNames[static_cast<int>(op)], true, {predicate != 0, own, nullptr, 0}))
    return slot.result;
  for (const LaneSlot& other : thread.warp->slots)
    if (other.parameter != own) {
      report(
          thread, "divergent warp-synchronous instruction",
          fmt::format("lanes of warp {} name barriers {} and {}", thread.warp->index, own, other.parameter));
      abandon(thread);
    }
  NamedBarrier& barrier = thread.cta->named[own];
  arrive(thread, barrier, op, threads);
  const bool done = barrier.arrived >= barrier.expected;
  if (op == BarOp::arrive) disperse(thread);
  if (!done && op != BarOp::arrive) {
    for (Thread* lane : thread.warp->lanes) {
      lane->wait = Wait::named_barrier;
      lane->wait_on = own;
    }
    sleep(thread, Wait::named_barrier, own);
  } else if (done) {
    if (barrier.waiting.empty()) report_unawaited(thread, barrier, own);
    complete(barrier);
  }
  return slot.result;
}

void fence_leaf(ThreadState& state, FenceOp op) {
  Thread& thread = static_cast<Thread&>(state);
  if (op == FenceOp::proxy_async) {
    thread.knows.proxied.join(thread.knows.happened);
    thread.knows.happened.raise(thread.component, thread.epoch() + 1);  // later writes are not fenced
  }
  if (op == FenceOp::device) fence_device(thread);
  if (op == FenceOp::proxy_async || op == FenceOp::mbarrier_init)
    for (auto& [address, barrier] : thread.cta->mbarriers)
      if (thread.knows.happened.at(barrier.init_component) >= barrier.init_epoch) barrier.init_fenced = true;
}

}  // namespace warpfinch::emulator
