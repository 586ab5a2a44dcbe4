// What Hopper and later chips add to ptx.cuh, one leaf function each. Those of wgmma and setmaxnreg are for
// sm_90a alone.
#pragma once

namespace warpfinch {

// --- clusters of blocks --------------------------------------------------------------------------------
// All threads of the cluster arrive, and wait for each other; also such as have left their warp behind.
WF_DEVICE void cluster_arrive() { asm volatile("barrier.cluster.arrive.release;" ::: "memory"); }
WF_DEVICE void cluster_wait() { asm volatile("barrier.cluster.wait.acquire;" ::: "memory"); }
// The same place in another block's shared memory.
WF_DEVICE u32 cluster_address(u32 address, int rank) {
  u32 there;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(rank));
  return there;
}

// --- mbarriers: 8 bytes of shared memory ---------------------------------------------------------------
WF_DEVICE void mbarrier_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
// At a barrier of any block of the cluster, as CUTLASS does it. With .release.cluster ptxas 13.0 puts a
// MEMBAR.ALL.GPU in front: for writes, and who hands a tile back has only read it.
WF_DEVICE void mbarrier_arrive_remote(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
}
WF_DEVICE void mbarrier_arrive_expect(u32 barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}
// Has the phase with that parity completed? May suspend the thread for a while.
WF_DEVICE bool mbarrier_try_wait(u32 barrier, u32 parity) {
  u32 done;
  asm volatile(
      "{\n.reg .pred p;\n"
      "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
}

// --- the copy engine -----------------------------------------------------------------------------------
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, int c0, int c1) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], "
      "[%2];" ::"r"(to),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, int c0, int c1, int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5}], "
      "[%2];" ::"r"(to),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, int c0, int c1, int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, "
      "%6}], [%2];" ::"r"(to),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, int c0, int c1, int c2, int c3, int c4) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, %5, "
      "%6, %7}], [%2];" ::"r"(to),
      "l"(&map), "r"(barrier), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, CachePolicy policy, int c0, int c1) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], "
      "[%1, {%4, %5}], [%2], %3;" ::"r"(to),
      "l"(&map), "r"(barrier), "l"(policy.bits), "r"(c0), "r"(c1)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, CachePolicy policy, int c0, int c1,
                        int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], "
      "[%1, {%4, %5, %6}], [%2], %3;" ::"r"(to),
      "l"(&map), "r"(barrier), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, CachePolicy policy, int c0, int c1, int c2,
                        int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], "
      "[%1, {%4, %5, %6, %7}], [%2], %3;" ::"r"(to),
      "l"(&map), "r"(barrier), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, CachePolicy policy, int c0, int c1, int c2,
                        int c3, int c4) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], "
      "[%1, {%4, %5, %6, %7, %8}], [%2], %3;" ::"r"(to),
      "l"(&map), "r"(barrier), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
      : "memory");
}
// Into the same place of several blocks, each of whose barriers it completes.
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, int c0, int c1) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%4, %5}], [%2], %3;" ::"r"(to),
      "l"(&map), "r"(barrier), "h"(to_blocks.blocks), "r"(c0), "r"(c1)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, int c0, int c1,
                        int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%4, %5, %6}], [%2], %3;" ::"r"(to),
      "l"(&map), "r"(barrier), "h"(to_blocks.blocks), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, int c0, int c1,
                        int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%4, %5, %6, %7}], [%2], %3;" ::"r"(to),
      "l"(&map), "r"(barrier), "h"(to_blocks.blocks), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, int c0, int c1,
                        int c2, int c3, int c4) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster "
      "[%0], [%1, {%4, %5, %6, %7, %8}], [%2], %3;" ::"r"(to),
      "l"(&map), "r"(barrier), "h"(to_blocks.blocks), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, CachePolicy policy,
                        int c0, int c1) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::"
      "cache_hint "
      "[%0], [%1, {%5, %6}], [%2], %3, %4;" ::"r"(to),
      "l"(&map), "r"(barrier), "h"(to_blocks.blocks), "l"(policy.bits), "r"(c0), "r"(c1)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, CachePolicy policy,
                        int c0, int c1, int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::"
      "cache_hint "
      "[%0], [%1, {%5, %6, %7}], [%2], %3, %4;" ::"r"(to),
      "l"(&map), "r"(barrier), "h"(to_blocks.blocks), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, CachePolicy policy,
                        int c0, int c1, int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::"
      "cache_hint "
      "[%0], [%1, {%5, %6, %7, %8}], [%2], %3, %4;" ::"r"(to),
      "l"(&map), "r"(barrier), "h"(to_blocks.blocks), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
WF_DEVICE void tma_load(u32 to, const TensorMap& map, u32 barrier, Multicast to_blocks, CachePolicy policy,
                        int c0, int c1, int c2, int c3, int c4) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster.L2::"
      "cache_hint "
      "[%0], [%1, {%5, %6, %7, %8, %9}], [%2], %3, %4;" ::"r"(to),
      "l"(&map), "r"(barrier), "h"(to_blocks.blocks), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2), "r"(c3),
      "r"(c4)
      : "memory");
}
WF_DEVICE void tma_store(const TensorMap& map, u32 from, int c0, int c1) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];" ::"l"(&map),
               "r"(from), "r"(c0), "r"(c1)
               : "memory");
}
WF_DEVICE void tma_store(const TensorMap& map, u32 from, int c0, int c1, int c2) {
  asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.bulk_group [%0, {%2, %3, %4}], [%1];" ::"l"(&map),
               "r"(from), "r"(c0), "r"(c1), "r"(c2)
               : "memory");
}
WF_DEVICE void tma_store(const TensorMap& map, u32 from, int c0, int c1, int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(&map),
      "r"(from), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
WF_DEVICE void tma_store(const TensorMap& map, u32 from, int c0, int c1, int c2, int c3, int c4) {
  asm volatile(
      "cp.async.bulk.tensor.5d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5, %6}], [%1];" ::"l"(&map),
      "r"(from), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
      : "memory");
}
WF_DEVICE void tma_store(const TensorMap& map, u32 from, CachePolicy policy, int c0, int c1) {
  asm volatile(
      "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group.L2::cache_hint [%0, {%3, %4}], [%1], %2;" ::"l"(
          &map),
      "r"(from), "l"(policy.bits), "r"(c0), "r"(c1)
      : "memory");
}
WF_DEVICE void tma_store(const TensorMap& map, u32 from, CachePolicy policy, int c0, int c1, int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.global.shared::cta.bulk_group.L2::cache_hint [%0, {%3, %4, %5}], [%1], %2;" ::
          "l"(&map),
      "r"(from), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}
WF_DEVICE void tma_store(const TensorMap& map, u32 from, CachePolicy policy, int c0, int c1, int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group.L2::cache_hint [%0, {%3, %4, %5, %6}], [%1], "
      "%2;" ::"l"(&map),
      "r"(from), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
WF_DEVICE void tma_store(const TensorMap& map, u32 from, CachePolicy policy, int c0, int c1, int c2, int c3,
                         int c4) {
  asm volatile(
      "cp.async.bulk.tensor.5d.global.shared::cta.bulk_group.L2::cache_hint [%0, {%3, %4, %5, %6, %7}], "
      "[%1], %2;" ::"l"(&map),
      "r"(from), "l"(policy.bits), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4)
      : "memory");
}
WF_DEVICE void bulk_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
WF_DEVICE void bulk_wait_read() { asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory"); }
WF_DEVICE void bulk_wait() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }
// Generic writes to shared memory become visible to the copy engine and the tensor cores.
WF_DEVICE void proxy_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// --- warpgroup mma; the mma instructions themselves are appended by the emitter -------------------------
WF_DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
WF_DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int Pending>
WF_DEVICE void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}
// ptxas moves arithmetic behind a wgmma wait, where it no longer runs beside the mma, but not across a branch
// (seen in SASS of 13.0). This one is never taken, and ptxas cannot know it; a predicated trap or exit would
// serialise the mma instead (C7518).
WF_DEVICE void end_basic_block() {
  asm volatile("{\n.reg .pred p;\nsetp.eq.u32 p, %0, 0xffffffff;\n@!p bra behind;\nbrkpt;\nbehind:\n}" ::"r"(
                   shared_base())
               : "memory");
}
template <int Registers>
WF_DEVICE void grow_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}
template <int Registers>
WF_DEVICE void shrink_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}

// --- shared memory --------------------------------------------------------------------------------------
constexpr bool kStoresMatrices = true;
// Four 8 x 8 matrices of 16-bit elements, spread as an mma leaves its sums (rounded), to one row at each
// lane's address: lanes 0-7 point to the rows of the first matrix, and so on.
WF_DEVICE void st_matrices(u32 address, u32 a, u32 b, u32 c, u32 d) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(a),
               "r"(b), "r"(c), "r"(d)
               : "memory");
}
// In any block of the cluster.
WF_DEVICE void or_remote(u32 address, u32 bits) {
  asm volatile("red.relaxed.cluster.shared::cluster.or.b32 [%0], %1;" ::"r"(address), "r"(bits) : "memory");
}

}  // namespace warpfinch
