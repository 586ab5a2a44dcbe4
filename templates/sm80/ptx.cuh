// What chips before Hopper have in place of sm90/ptx.cuh, for those of its leaves that every kernel calls.
#pragma once

namespace warpfinch {

// --- mbarriers: 8 bytes of shared memory ---------------------------------------------------------------
// Nobody but the block's threads uses them, and those meet behind the initialisation.
WF_DEVICE void mbarrier_init_fence() {}
// Has the phase with that parity completed?
WF_DEVICE bool mbarrier_try_wait(u32 barrier, u32 parity) {
  u32 done;
  asm volatile(
      "{\n.reg .pred p;\n"
      "mbarrier.test_wait.parity.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
}

// --- what there is no copy engine for --------------------------------------------------------------------
WF_DEVICE void bulk_wait() {}
WF_DEVICE void proxy_fence() {}

// --- shared memory ---------------------------------------------------------------------------------------
constexpr bool kStoresMatrices = false;

}  // namespace warpfinch
