// Every instruction of sm_90a that kernels use, one leaf function each. Nothing else holds inline assembly,
// dereferences shared or global memory, or reads a special register. Names and rules: PTX ISA 9.0.
#pragma once

namespace warpfinch {

// What a register tile holds: a bare T here, a checked cell in the emulator.
template <class T>
using element = T;

// --- where a thread is ---------------------------------------------------------------------------------
WF_DEVICE int thread_index() { return threadIdx.x; }
WF_DEVICE int block_index() { return blockIdx.x; }
WF_DEVICE int block_count() { return gridDim.x; }
WF_DEVICE int lane_index() { return threadIdx.x % 32; }
// Read where it stands: what a seldom branch makes of it is not computed ahead, in registers of all the rest.
WF_DEVICE int thread_index_anew() {
  int index;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(index));
  return index;
}
// The same in all lanes, and known to be so by the compiler.
WF_DEVICE int warp_index() { return __shfl_sync(0xffffffff, threadIdx.x / 32, 0); }

// --- barriers among threads ----------------------------------------------------------------------------
WF_DEVICE void block_sync() { __syncthreads(); }
WF_DEVICE void warp_sync() { __syncwarp(); }
WF_DEVICE void named_sync(int barrier, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
WF_DEVICE void named_arrive(int barrier, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

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
WF_DEVICE void mbarrier_init(u32 barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
WF_DEVICE void mbarrier_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
WF_DEVICE void mbarrier_arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
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
// 16 bytes, of which `bytes` are read and the rest is 0; by the thread, which does not wait for them.
WF_DEVICE void cp_async(u32 to, const void* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(__cvta_generic_to_global(from)),
               "r"(bytes)
               : "memory");
}
// Arrives at the barrier, once, when all copies of this thread so far have landed.
WF_DEVICE void cp_async_arrive(u32 barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}
WF_DEVICE void cp_async_wait() { asm volatile("cp.async.wait_all;" ::: "memory"); }
// Generic writes to shared memory become visible to the copy engine and the tensor cores.
WF_DEVICE void proxy_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// --- warpgroup mma; the mma instructions themselves are appended by the emitter -------------------------
WF_DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
WF_DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int Pending>
WF_DEVICE void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}
// Keeps the compiler from moving accesses of a register over this point.
WF_DEVICE void pin(float& value) { asm volatile("" : "+f"(value)::"memory"); }
WF_DEVICE void pin(u32& value) { asm volatile("" : "+r"(value)::"memory"); }
template <int Registers>
WF_DEVICE void grow_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}
template <int Registers>
WF_DEVICE void shrink_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}

// --- shared memory, by address in the shared window -----------------------------------------------------
WF_DEVICE u32 shared_base() {
  extern __shared__ __align__(1024) unsigned char dynamic_shared[];
  return static_cast<u32>(__cvta_generic_to_shared(dynamic_shared));
}
// ptxas moves arithmetic behind a wgmma wait, where it no longer runs beside the mma, but not across a branch
// (seen in SASS of 13.0). This one is never taken, and ptxas cannot know it; a predicated trap or exit would
// serialise the mma instead (C7518).
WF_DEVICE void end_basic_block() {
  asm volatile("{\n.reg .pred p;\nsetp.eq.u32 p, %0, 0xffffffff;\n@!p bra behind;\nbrkpt;\nbehind:\n}" ::"r"(
                   shared_base())
               : "memory");
}
WF_DEVICE void st_shared(u32 address, u16 value) {
  asm volatile("st.shared.b16 [%0], %1;" ::"r"(address), "h"(value) : "memory");
}
WF_DEVICE void st_shared(u32 address, u32 value) {
  asm volatile("st.shared.b32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}
WF_DEVICE void st_shared(u32 address, float x, float y) {
  asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(address), "f"(x), "f"(y) : "memory");
}
WF_DEVICE void st_shared(u32 address, const Words4& v) {
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(v.x), "r"(v.y), "r"(v.z),
               "r"(v.w)
               : "memory");
}
WF_DEVICE u32 ld_shared(u32 address) {
  u32 value;
  asm volatile("ld.shared.b32 %0, [%1];" : "=r"(value) : "r"(address) : "memory");
  return value;
}
// Four 8 x 8 matrices of 16-bit elements, spread as an mma leaves its sums (rounded), to one row at each
// lane's address: lanes 0-7 point to the rows of the first matrix, and so on.
WF_DEVICE void st_matrices(u32 address, u32 a, u32 b, u32 c, u32 d) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(a),
               "r"(b), "r"(c), "r"(d)
               : "memory");
}
// Four 8 x 8 matrices of 16-bit elements, one row at each lane's address, spread as an mma takes its first
// factor: lanes 0-7 point into the first matrix, and so on.
WF_DEVICE Words4 ld_matrices(u32 address) {
  Words4 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(address)
               : "memory");
  return v;
}
WF_DEVICE void or_shared(u32 address, u32 bits) {
  asm volatile("red.shared::cta.or.b32 [%0], %1;" ::"r"(address), "r"(bits) : "memory");
}
// In any block of the cluster.
WF_DEVICE void or_remote(u32 address, u32 bits) {
  asm volatile("red.relaxed.cluster.shared::cluster.or.b32 [%0], %1;" ::"r"(address), "r"(bits) : "memory");
}

// --- global memory --------------------------------------------------------------------------------------
WF_DEVICE u16 ld_global(const u16* from) { return *from; }
WF_DEVICE float ld_global(const float* from) { return *from; }
WF_DEVICE u32 ld_global(const u32* from) { return *from; }
WF_DEVICE Words4 ld_global(const Words4* from) { return *from; }
WF_DEVICE void st_global(u16* to, u16 value) { *to = value; }
WF_DEVICE void st_global(float* to, float value) { *to = value; }
WF_DEVICE void st_global(u32* to, u32 value) { *to = value; }
WF_DEVICE void st_global(Words4* to, const Words4& value) { *to = value; }
// Adds 1, or goes from `last` back to 0; returns what stood there.
WF_DEVICE u32 atomic_increment(u32* counter, u32 last) {
  u32 old;
  asm volatile("atom.relaxed.gpu.global.inc.u32 %0, [%1], %2;"
               : "=r"(old)
               : "l"(counter), "r"(last)
               : "memory");
  return old;
}

// --- between the lanes of a warp ------------------------------------------------------------------------
WF_DEVICE float shuffle_xor(float value, int lanes) { return __shfl_xor_sync(0xffffffff, value, lanes); }
WF_DEVICE float shuffle(float value, int lane) { return __shfl_sync(0xffffffff, value, lane); }
// The same in all lanes, and known to be so by the compiler.
WF_DEVICE u32 from_first_lane(u32 value) { return __shfl_sync(0xffffffff, value, 0); }
WF_DEVICE bool any_lane(bool predicate) { return __any_sync(0xffffffff, predicate); }

// --- arithmetic -----------------------------------------------------------------------------------------
WF_DEVICE float ex2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
WF_DEVICE float lg2(float x) {
  float y;
  asm("lg2.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
WF_DEVICE float reciprocal_of(float x) { return __frcp_rn(x); }
WF_DEVICE float square_root(float x) { return __fsqrt_rn(x); }
WF_DEVICE float divide_of(float x, float y) { return __fdiv_rn(x, y); }
WF_DEVICE float tanh_of(float x) { return tanhf(x); }
WF_DEVICE float erfc_of(float x) { return erfcf(x); }
WF_DEVICE float fused(float a, float b, float c) { return __fmaf_rn(a, b, c); }
// Rounded down.
WF_DEVICE float add_down(float a, float b) { return __fadd_rd(a, b); }
WF_DEVICE float larger(float a, float b) { return fmaxf(a, b); }
WF_DEVICE float smaller(float a, float b) { return fminf(a, b); }
WF_DEVICE int larger(int a, int b) { return a > b ? a : b; }
WF_DEVICE int smaller(int a, int b) { return a < b ? a : b; }
WF_DEVICE float magnitude(float a) { return fabsf(a); }
WF_DEVICE float infinity() { return __int_as_float(0x7f800000); }

// Two floats rounded to nearest even, the first in the lower half.
WF_DEVICE u32 pack(bf16, float low, float high) {
  u32 bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}
WF_DEVICE u32 pack(fp16, float low, float high) {
  u32 bits;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}
WF_DEVICE float unpack(bf16, u16 bits) {
  return __int_as_float(static_cast<int>(static_cast<u32>(bits) << 16));
}
WF_DEVICE float unpack(fp16, u16 bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

}  // namespace warpfinch
