// The emulator's stand-in of templates/sm80/ptx.cuh.
#pragma once

namespace warpfinch {

WF_DEVICE void mbarrier_init_fence() {}
// Who asks in vain asks again, and so may as well sleep.
WF_DEVICE bool mbarrier_try_wait(u32 barrier, u32 parity) {
  return leaves->mbarrier(*self, emulated::MbarrierOp::try_wait, barrier, parity);
}
WF_DEVICE void bulk_wait() {}
WF_DEVICE void proxy_fence() {}
constexpr bool kStoresMatrices = false;

}  // namespace warpfinch
