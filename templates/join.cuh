// Factors of an mma that a warpgroup's threads store to shared memory themselves.
#pragma once

namespace warpfinch {

constexpr int kJoinBarriers = 9;  // one per warpgroup, behind those of the turns and of redo

// What the warpgroup's threads stored becomes visible to the mma ops that follow in each of its warps.
WF_DEVICE void join_warpgroup(int warpgroup) {
  proxy_fence();
  named_sync(kJoinBarriers + warpgroup, 128);
}

}  // namespace warpfinch
