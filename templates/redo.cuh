// Tiles that are done again: marked while the block walks, by the number of their round, and done in a second
// walk with a policy that is right for every input. One word of shared memory: rounds 32 apart share a bit,
// so that now and then a tile is done again in vain.
#pragma once

namespace warpfinch {

constexpr int kRedoBarrier = 8;  // behind those of the turns

WF_DEVICE void clear_marks(u32 mask) { st_shared(mask, 0u); }

// Marks the round's tile where a row of the warp has a value that is not 0. Not in the second walk, when
// other warps may still be reading the mask.
template <int Rows>
WF_DEVICE void redo(const RowValues<Rows>& flag, int round, int again, u32 mask) {
  if (again != 0 || !any_lane(flag.value[0] + flag.value[1] != 0.0f)) return;
  if (lane_index() == 0) or_shared(mask, 1u << round % 32);
}

WF_DEVICE bool is_marked(int round, u32 mask) { return ld_shared(mask) >> round % 32 & 1; }

// Joins all threads of the block at the end of the first walk: is there anything to be done again? Then what
// was stored has to arrive first, because it will be written once more.
template <int Threads>
WF_DEVICE bool any_marked(u32 mask) {
  named_sync(kRedoBarrier, Threads);
  if (ld_shared(mask) == 0) return false;
  bulk_wait();
  return true;
}

}  // namespace warpfinch
