// Every instruction that kernels of all chips from sm_80 on use, one leaf function each; sm80/ptx.cuh or
// sm90/ptx.cuh adds those that differ. Nothing else holds inline assembly, dereferences shared or global
// memory, or reads a special register. Names and rules: PTX ISA 9.0.
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

// --- mbarriers: 8 bytes of shared memory ---------------------------------------------------------------
WF_DEVICE void mbarrier_init(u32 barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
WF_DEVICE void mbarrier_arrive(u32 barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// --- copies that a thread does not wait for -------------------------------------------------------------
// 16 bytes, of which `bytes` are read and the rest is 0.
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

// --- registers ------------------------------------------------------------------------------------------
// Keeps the compiler from moving accesses of a register over this point.
WF_DEVICE void pin(float& value) { asm volatile("" : "+f"(value)::"memory"); }
WF_DEVICE void pin(u32& value) { asm volatile("" : "+r"(value)::"memory"); }

// --- mma by a warp: 16 rows, 8 columns, 16 products in each sum ------------------------------------------
// `a` as ld_matrices brings it, d as MmaLayout has it; b0 and b1: the first and last 8 rows of the second
// factor, in each lane two rows of one column. start_mma writes d, add_mma sums into it.
WF_DEVICE void start_mma(bf16, element<float>* d, const Words4& a, u32 b0, u32 b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%10, %10, %10, %10};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1), "f"(0.0f));
}
WF_DEVICE void start_mma(fp16, element<float>* d, const Words4& a, u32 b0, u32 b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%10, %10, %10, %10};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1), "f"(0.0f));
}
WF_DEVICE void add_mma(bf16, element<float>* d, const Words4& a, u32 b0, u32 b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}
WF_DEVICE void add_mma(fp16, element<float>* d, const Words4& a, u32 b0, u32 b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

// --- shared memory, by address in the shared window -----------------------------------------------------
WF_DEVICE u32 shared_base() {
  extern __shared__ __align__(1024) unsigned char dynamic_shared[];
  return static_cast<u32>(__cvta_generic_to_shared(dynamic_shared));
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
// The same of the matrices' transposes: spread as an mma takes its second factor from rows of it.
WF_DEVICE Words4 ld_matrices_transposed(u32 address) {
  Words4 v;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(address)
               : "memory");
  return v;
}
// Two matrices, at the addresses of lanes 0-15.
WF_DEVICE void ld_two_matrices(u32 address, u32& a, u32& b) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(a), "=r"(b)
               : "r"(address)
               : "memory");
}
WF_DEVICE void ld_two_matrices_transposed(u32 address, u32& a, u32& b) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
               : "=r"(a), "=r"(b)
               : "r"(address)
               : "memory");
}
WF_DEVICE void or_shared(u32 address, u32 bits) {
  asm volatile("red.shared::cta.or.b32 [%0], %1;" ::"r"(address), "r"(bits) : "memory");
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
