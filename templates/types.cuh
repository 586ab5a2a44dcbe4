// Types that every kernel uses. Header-free: the same text goes to NVRTC, nvcc and a host compiler.
#pragma once

#define WF_DEVICE __device__ __forceinline__         // free functions
#define WF_METHOD __device__ __forceinline__         // members
#define WF_STATIC static __device__ __forceinline__  // static members

namespace warpfinch {

// Where the compiler lays out the code of a branch that next to nobody takes behind all other code.
WF_DEVICE bool seldom(bool condition) { return __builtin_expect(condition, false); }

using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using i64 = long long;
using fp32 = float;

// 16-bit floats as bits; arithmetic is done in fp32.
struct bf16 {
  u16 bits;
};
struct fp16 {
  u16 bits;
};

// What cuTensorMapEncodeTiled wrote.
struct alignas(64) TensorMap {
  u64 opaque[16];
};

// How soon L2 gives up the lines that a copy touches: the operand that createpolicy makes for all of a copy
// (the same constants as CUTLASS's TMA::CacheHintSm90).
struct CachePolicy {
  u64 bits;
};
struct EvictFirst {
  static constexpr CachePolicy kPolicy{0x12f0000000000000};
};
struct EvictLast {
  static constexpr CachePolicy kPolicy{0x14f0000000000000};
};

// The blocks of a cluster that a copy goes to, one bit each.
struct Multicast {
  u16 blocks;
};

struct alignas(16) Words4 {
  u32 x, y, z, w;
};

// What calls say for yes and no. The sum or maximum goes to what stood there; a thread's own share of a row;
// only a warp of which some factor is not 1.
constexpr bool accumulate = true, overwrite = false;
constexpr bool partial = true, whole = false;
constexpr bool changed = true, always = false;

}  // namespace warpfinch
