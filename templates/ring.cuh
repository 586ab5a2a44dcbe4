// Rings of tiles in shared memory between a producer and its consumers. Per stage two mbarriers: `full`,
// which the copies complete, and `empty`, at which every consumer warp arrives. Each role keeps its own
// cursor.
#pragma once

namespace warpfinch {

WF_DEVICE void mbarrier_wait(u32 barrier, u32 parity) {
  while (!mbarrier_try_wait(barrier, parity)) {
  }
}

template <class Tile, int Stages, int StageBytes>
struct Ring {
  u32 tiles, barriers;
  int stage;
  u32 phase;

  WF_METHOD Tile tile() const { return {tiles + static_cast<u32>(stage * StageBytes)}; }
  WF_METHOD u32 full() const { return barriers + 8 * stage; }
  WF_METHOD u32 empty() const { return barriers + 8 * (Stages + stage); }
  WF_METHOD void next() {
    if (++stage < Stages) return;
    stage = 0;
    phase ^= 1;
  }
};

// The thread of a warpgroup that talks to the copy engine.
WF_DEVICE bool is_leader() { return thread_index() % 128 == 0; }

// full completes with that many arrivals (and the bytes that they announce), empty with one per consumer
// warp.
template <class Tile, int Stages, int StageBytes>
WF_DEVICE void initialize(const Ring<Tile, Stages, StageBytes>& ring, int full_arrivals, int consumer_warps) {
  for (int i = 0; i < Stages; ++i) {
    mbarrier_init(ring.barriers + 8 * i, full_arrivals);
    mbarrier_init(ring.barriers + 8 * (Stages + i), consumer_warps);
  }
}

// --- producer ------------------------------------------------------------------------------------------
// The first round finds every stage free: the phase before a barrier's first one counts as complete.
template <class Ring>
WF_DEVICE void acquire(const Ring& ring) {
  mbarrier_wait(ring.empty(), ring.phase ^ 1);
}
template <class Ring>
WF_DEVICE void advance(Ring& ring) {
  ring.next();
}
// Hands over what this thread stored with ordinary stores.
template <class Ring>
WF_DEVICE void publish(const Ring& ring) {
  proxy_fence();
  mbarrier_arrive(ring.full());
}

// --- consumers -----------------------------------------------------------------------------------------
template <class Ring>
WF_DEVICE void wait(const Ring& ring) {
  mbarrier_wait(ring.full(), ring.phase);
}
// One arrival per warp: warps of a warpgroup may drift apart, so none may speak for another.
template <class Ring>
WF_DEVICE void release(Ring& ring) {
  warp_sync();
  if (lane_index() == 0) mbarrier_arrive(ring.empty());
  ring.next();
}

// Hands a tile back that others read.
template <class Ring>
WF_DEVICE void skip(Ring& ring) {
  wait(ring);
  release(ring);
}

// --- turns: named barriers 1 … Groups, warpgroup g waits at 1 + g --------------------------------------
template <int Groups>
WF_DEVICE void pingpong_open(int warpgroup) {
  if (warpgroup == Groups - 1) named_arrive(1, 256);
}
WF_DEVICE void pingpong_wait(int warpgroup) { named_sync(1 + warpgroup, 256); }
template <int Groups>
WF_DEVICE void pingpong_pass(int warpgroup) {
  named_arrive(1 + (warpgroup + 1) % Groups, 256);
}

}  // namespace warpfinch
