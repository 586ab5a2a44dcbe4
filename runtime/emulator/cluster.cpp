// Clusters: ranks, addresses in each other's shared memory, and the barrier of all their threads.
#include <fmt/format.h>

#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

void arrive(Thread& thread) {
  ClusterBarrier& barrier = thread.world->barrier;
  if (thread.cluster_phase > barrier.phase)
    report(thread, "wrong barrier", "barrier.cluster.arrive twice without a wait between");
  thread.cluster_phase = barrier.phase + 1;
  publish(thread, barrier.collecting);
  ++barrier.arrived;
  complete_cluster_barrier_if_due(*thread.world);
}

void wait(Thread& thread) {
  ClusterBarrier& barrier = thread.world->barrier;
  if (thread.cluster_phase == 0) {
    report(thread, "wrong barrier", "barrier.cluster.wait without an arrive before it");
    abandon(thread);
  }
  if (barrier.phase >= thread.cluster_phase) {
    thread.knows.join(barrier.done);
    return;
  }
  barrier.waiting.push_back(&thread);
  sleep(thread, Wait::cluster);
}

unsigned mapped_address(Thread& thread, uint32_t address, uint32_t rank) {
  if (rank < thread.world->ctas.size()) return (address & kInBlock) | rank << kRankShift;
  report(thread, "out of bounds",
         fmt::format("mapa to block {} of a cluster of {}", rank, thread.world->ctas.size()));
  abandon(thread);
}

}  // namespace

void complete_cluster_barrier_if_due(World& world) {
  ClusterBarrier& barrier = world.barrier;
  if (barrier.arrived == 0 || barrier.arrived < world.live) return;
  barrier.arrived = 0;
  ++barrier.phase;
  barrier.done = barrier.collecting;
  for (Thread* thread : barrier.waiting) {
    thread->knows.join(barrier.done);
    wake(*thread);
  }
  barrier.waiting.clear();
}

unsigned cluster_leaf(ThreadState& state, ClusterOp op, unsigned address, unsigned rank) {
  Thread& thread = static_cast<Thread&>(state);
  switch (op) {
    case ClusterOp::rank:
      return static_cast<unsigned>(thread.cta->rank);
    case ClusterOp::size:
      return static_cast<unsigned>(thread.world->ctas.size());
    case ClusterOp::map_address:
      return mapped_address(thread, address, rank);
    case ClusterOp::arrive:
      arrive(thread);
      return 0;
    case ClusterOp::wait:
      wait(thread);
      return 0;
  }
  return 0;
}

}  // namespace warpfinch::emulator
