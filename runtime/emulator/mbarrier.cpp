#include "runtime/emulator/mbarrier.hpp"

#include <fmt/format.h>

#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

constexpr std::string_view kNames[] = {"mbarrier.init",      "mbarrier.arrive",   "mbarrier.arrive.expect_tx",
                                       "mbarrier.expect_tx", "mbarrier.try_wait", "mbarrier.test_wait",
                                       "mbarrier.inval"};
// A thread that asks so often in vain is taken to do nothing else; else a deadlock would spin for ever.
constexpr int kPolls = 1000;
// Bounds of PTX ISA, "Valid range of mbarrier object's contents".
constexpr uint32_t kMaxCount = (1u << 20) - 1;

std::string name(const Thread& thread, const Mbarrier& barrier) {
  return thread.world->run->places.barrier(barrier.address);
}

void release_waiting(Mbarrier& barrier) {
  std::vector<Thread*> waiting;
  waiting.swap(barrier.waiting);
  for (Thread* thread : waiting) {
    if ((barrier.phase & 1) == thread->wait_for) {  // waits for the phase that now begins
      barrier.waiting.push_back(thread);
      continue;
    }
    thread->knows.join(barrier.done);
    wake(*thread);
  }
}

// `cause`: the thread, or the one whose copy landed.
void complete_phase_if_due(Thread& cause, Mbarrier& barrier) {
  if (barrier.pending != 0 || barrier.bytes != 0) return;
  if (barrier.copies > 0)
    report(cause, "wrong expect_tx",
           fmt::format("{} completes its phase while {} bytes of {} copies are in flight",
                       name(cause, barrier), barrier.bytes_in_flight, barrier.copies),
           {"missing: arrive.expect_tx with all bytes that the copies bring"});
  ++barrier.phase;
  barrier.pending = barrier.count;
  barrier.done = barrier.collecting;
  if (barrier.component != 0) barrier.done.happened.raise(barrier.component, barrier.phase);
  release_waiting(barrier);
}

void initialise(Thread& thread, uint32_t window_address, uint32_t count) {
  const uint32_t address = own_address(thread, window_address);
  if (count == 0 || count > kMaxCount)
    report(thread, "wrong mbarrier", fmt::format("mbarrier.init with a count of {}", count));
  if (!shared_bytes(thread, {thread.cta, address}, 8, 8, "mbarrier.init")) return;
  Cta& cta = *thread.cta;
  const Knowledge* lane[] = {&thread.knows};
  if (cta.mbarriers.contains(address)) cta.shadow->forget(address - kSharedBase, address - kSharedBase + 8);
  touch_shared(thread, cta, address, 8, access_of(thread, Side::barrier_object), lane);
  Mbarrier& barrier = cta.mbarriers[address];
  barrier = {};
  barrier.address = address;
  barrier.count = barrier.pending = count;
  barrier.init_component = thread.component;
  barrier.init_epoch = thread.epoch();
  barrier.init_line = thread.line;
}

void invalidate(Thread& thread, Mbarrier& barrier) {
  const uint32_t address = barrier.address;
  if (!barrier.waiting.empty())
    report(thread, "wrong mbarrier",
           fmt::format("mbarrier.inval of {}, at which threads wait", name(thread, barrier)));
  thread.cta->shadow->forget(address - kSharedBase, address - kSharedBase + 8);
  thread.cta->mbarriers.erase(address);
}

bool wait(Thread& thread, Mbarrier& barrier, uint32_t parity, bool suspend) {
  if ((barrier.phase & 1) != (parity & 1)) {
    thread.knows.join(barrier.done);
    thread.polls = 0;
    return true;
  }
  if (!suspend && ++thread.polls < kPolls) {
    yield(thread);
    return false;
  }
  thread.polls = 0;
  barrier.waiting.push_back(&thread);
  sleep(thread, Wait::mbarrier, barrier.address, parity & 1);
  return true;
}

}  // namespace

Mbarrier* find_mbarrier(Thread& thread, uint32_t address, std::string_view instruction) {
  return find_mbarrier(thread, shared_place(thread, address), instruction);
}

Mbarrier* find_mbarrier(Thread& thread, const SharedPlace& place, std::string_view instruction) {
  const auto found = place.cta->mbarriers.find(place.address);
  if (found == place.cta->mbarriers.end()) {
    report(thread, "wrong mbarrier",
           fmt::format("{} at shared + {}, where no mbarrier was initialised", instruction,
                       static_cast<int64_t>(place.address) - kSharedBase));
    return nullptr;
  }
  Mbarrier& barrier = found->second;
  if (thread.knows.happened.at(barrier.init_component) < barrier.init_epoch)
    report(
        thread, "data race",
        fmt::format("{} at {} is not ordered behind its initialisation", instruction, name(thread, barrier)),
        {"it is initialised at " + line_text(*thread.world->run, barrier.init_line),
         place.cta == thread.cta ? "missing: a bar.sync between the two"
                                 : "missing: a cluster barrier between the two"},
        barrier.init_line);
  return &barrier;
}

void expect_copy(World& world, Mbarrier& barrier, int64_t bytes) {
  if (barrier.component == 0) barrier.component = new_component(world);
  ++barrier.copies;
  barrier.bytes_in_flight += bytes;
  barrier.last_copy_phase = barrier.phase + 1;
}

void complete_copy(World&, Copy& copy) {
  Mbarrier& barrier = *copy.barrier;
  --barrier.copies;
  barrier.bytes_in_flight -= copy.bytes;
  barrier.bytes -= copy.bytes;
  const int line = copy.thread->line;
  copy.thread->line = copy.line;  // reports name the copy, not where its thread has got to
  if (barrier.pending == 0 && barrier.bytes < 0)
    report(*copy.thread, "wrong expect_tx",
           fmt::format("the copies bring {} bytes more to {} than its phase expects", -barrier.bytes,
                       name(*copy.thread, barrier)));
  complete_phase_if_due(*copy.thread, barrier);
  copy.thread->line = line;
}

void arrive(Thread& thread, Mbarrier& barrier, uint32_t count) {
  publish(thread, barrier.collecting);
  count_arrivals(thread, barrier, count);
}

void count_arrivals(Thread& thread, Mbarrier& barrier, uint32_t count) {
  if (count > barrier.pending) {
    report(thread, "wrong arrival count",
           fmt::format("{} arrivals at {}, whose phase waits for {} more of {}", count, name(thread, barrier),
                       barrier.pending, barrier.count));
    count = barrier.pending;
  }
  barrier.pending -= count;
  complete_phase_if_due(thread, barrier);
}

bool mbarrier_leaf(ThreadState& state, MbarrierOp op, unsigned address, unsigned value) {
  Thread& thread = static_cast<Thread&>(state);
  if (op == MbarrierOp::init) {
    initialise(thread, address, value);
    return true;
  }
  Mbarrier* barrier = find_mbarrier(thread, address, kNames[static_cast<int>(op)]);
  if (!barrier) abandon(thread);
  switch (op) {
    case MbarrierOp::arrive_expect:
      barrier->bytes += value;
      arrive(thread, *barrier, 1);
      return true;
    case MbarrierOp::expect:
      barrier->bytes += value;
      return true;
    case MbarrierOp::arrive:
      arrive(thread, *barrier, value);
      return true;
    case MbarrierOp::invalidate:
      invalidate(thread, *barrier);
      return true;
    default:
      return wait(thread, *barrier, value, op == MbarrierOp::try_wait);
  }
}

}  // namespace warpfinch::emulator
