// The emulator's stand-in of templates/ptx.cuh: the same leaves, each one call of the emulator.
#pragma once

namespace warpfinch {

namespace emulated = ::warpfinch::emulator;
using emulated::leaves;
using emulated::self;

// What a register tile holds: a value that knows whether it may be touched.
template <class T>
struct element : emulated::Cell<T> {
  element() = default;
  explicit element(T value) { *this = value; }
  element(const element& other) { *this = static_cast<T>(other); }
  element& operator=(const element& other) { return *this = static_cast<T>(other); }
  element& operator=(T value) {
    if (this->state >= emulated::kWrittenByProduct) leaves->bad_register(*self, this->state, true);
    this->value = value;
    this->state = self->era;
    return *this;
  }
  operator T() const {
    const unsigned state = this->state;
    if (state == 0 || (state >= emulated::kWrittenByProduct && state < emulated::kReadByProduct))
      leaves->bad_register(*self, state, false);
    // Reading is an access, too, for the rule on wgmma.fence.
    if (state < emulated::kWrittenByProduct) const_cast<element*>(this)->state = self->era;
    return this->value;
  }
  element& operator+=(T value) { return *this = static_cast<T>(*this) + value; }
  element& operator-=(T value) { return *this = static_cast<T>(*this) - value; }
  element& operator*=(T value) { return *this = static_cast<T>(*this) * value; }
  // What a covering wait has completed is the program's again.
  void pin() {
    if (this->state >= emulated::kWrittenByProduct && (this->state & emulated::kGroupMask) <= self->waited)
      this->state = self->era;
  }
};

// --- where a thread is ---------------------------------------------------------------------------------
WF_DEVICE int thread_index() { return self->thread; }
WF_DEVICE int block_index() { return self->block; }
WF_DEVICE int block_count() { return self->blocks; }
WF_DEVICE int lane_index() { return self->thread % 32; }
WF_DEVICE int thread_index_anew() { return thread_index(); }
WF_DEVICE u32 exchange(emulated::WarpOp op, u32 value, u32 parameter) {
  return leaves->warp(*self, op, value, parameter, 0xffffffffu);
}
WF_DEVICE int warp_index() {
  return static_cast<int>(exchange(emulated::WarpOp::shuffle_index, static_cast<u32>(self->thread / 32), 0));
}

// --- barriers among threads ----------------------------------------------------------------------------
WF_DEVICE void block_sync() { leaves->bar(*self, emulated::BarOp::sync, 0, self->threads, 0); }
WF_DEVICE void warp_sync() { exchange(emulated::WarpOp::sync, 0, 0); }
WF_DEVICE void named_sync(int barrier, int threads) {
  leaves->bar(*self, emulated::BarOp::sync, barrier, threads, 0);
}
WF_DEVICE void named_arrive(int barrier, int threads) {
  leaves->bar(*self, emulated::BarOp::arrive, barrier, threads, 0);
}

// --- mbarriers: 8 bytes of shared memory ---------------------------------------------------------------
WF_DEVICE void mbarrier_init(u32 barrier, int arrivals) {
  leaves->mbarrier(*self, emulated::MbarrierOp::init, barrier, static_cast<u32>(arrivals));
}
WF_DEVICE void mbarrier_arrive(u32 barrier) {
  leaves->mbarrier(*self, emulated::MbarrierOp::arrive, barrier, 1);
}

// --- copies that a thread does not wait for -------------------------------------------------------------
WF_DEVICE void cp_async(u32 to, const void* from, int bytes) {
  leaves->small_copy(*self, to, from, 16, bytes);
}
WF_DEVICE void cp_async_arrive(u32 barrier) { leaves->small_copy_arrive(*self, barrier); }
WF_DEVICE void cp_async_wait() {
  leaves->small_copy_group(*self, emulated::GroupOp::commit, 0);
  leaves->small_copy_group(*self, emulated::GroupOp::wait, 0);
}

// --- registers ------------------------------------------------------------------------------------------
template <class T>
WF_DEVICE void pin(element<T>& value) {
  value.pin();
}

// --- mma by a warp -------------------------------------------------------------------------------------
template <class T>
struct ValueTypeOf;
template <>
struct ValueTypeOf<bf16> {
  static constexpr emulated::ValueType kType = emulated::ValueType::bf16;
};
template <>
struct ValueTypeOf<fp16> {
  static constexpr emulated::ValueType kType = emulated::ValueType::fp16;
};

template <class T>
WF_DEVICE void multiply_small(T, element<float>* d, float (&sums)[4], const Words4& a, u32 b0, u32 b1) {
  const u32 first[4] = {a.x, a.y, a.z, a.w}, second[2] = {b0, b1};
  leaves->small_product(*self, {ValueTypeOf<T>::kType, sums, first, second});
  for (int i = 0; i < 4; ++i) d[i] = sums[i];
}
template <class T>
WF_DEVICE void start_mma(T type, element<float>* d, const Words4& a, u32 b0, u32 b1) {
  float sums[4] = {};
  multiply_small(type, d, sums, a, b0, b1);
}
template <class T>
WF_DEVICE void add_mma(T type, element<float>* d, const Words4& a, u32 b0, u32 b1) {
  float sums[4] = {d[0], d[1], d[2], d[3]};
  multiply_small(type, d, sums, a, b0, b1);
}

// --- shared memory, by address in the shared window -----------------------------------------------------
// The window's first kilobyte is the system's, and each block of a cluster has a window of its own.
WF_DEVICE u32 shared_base() { return leaves->cluster(*self, emulated::ClusterOp::rank, 0, 0) << 24 | 1024; }
WF_DEVICE void st_shared(u32 address, u16 value) { leaves->store_shared(*self, address, &value, 2); }
WF_DEVICE void st_shared(u32 address, u32 value) { leaves->store_shared(*self, address, &value, 4); }
WF_DEVICE void st_shared(u32 address, float x, float y) {
  const float pair[2] = {x, y};
  leaves->store_shared(*self, address, pair, 8);
}
WF_DEVICE void st_shared(u32 address, const Words4& v) { leaves->store_shared(*self, address, &v, 16); }
WF_DEVICE u32 ld_shared(u32 address) {
  u32 value;
  leaves->load_shared(*self, address, &value, 4);
  return value;
}
WF_DEVICE Words4 load_matrices(u32 address, int count, bool transposed) {
  u32 words[4] = {};
  leaves->load_matrix(*self, address, words, count, transposed);
  return {words[0], words[1], words[2], words[3]};
}
WF_DEVICE Words4 ld_matrices(u32 address) { return load_matrices(address, 4, false); }
WF_DEVICE Words4 ld_matrices_transposed(u32 address) { return load_matrices(address, 4, true); }
WF_DEVICE void ld_two_matrices(u32 address, u32& a, u32& b) {
  const Words4 words = load_matrices(address, 2, false);
  a = words.x, b = words.y;
}
WF_DEVICE void ld_two_matrices_transposed(u32 address, u32& a, u32& b) {
  const Words4 words = load_matrices(address, 2, true);
  a = words.x, b = words.y;
}
WF_DEVICE void or_shared(u32 address, u32 bits) {
  leaves->atomic_shared(*self, emulated::AtomicOp::bit_or, emulated::ValueType::u32, address, &bits, 1);
}

// --- global memory --------------------------------------------------------------------------------------
template <class T>
WF_DEVICE T ld_global(const T* from) {
  T value;
  leaves->load_global(*self, from, &value, sizeof(T));
  return value;
}
template <class T>
WF_DEVICE void st_global(T* to, const T& value) {
  leaves->store_global(*self, to, &value, sizeof(T));
}
WF_DEVICE u32 atomic_increment(u32* counter, u32 last) {
  leaves->atomic_global(*self, emulated::AtomicOp::increment, emulated::ValueType::u32, counter, &last, 1);
  return last;
}

// --- between the lanes of a warp ------------------------------------------------------------------------
WF_DEVICE float shuffle_xor(float value, int lanes) {
  return __builtin_bit_cast(float, exchange(emulated::WarpOp::shuffle_xor, __builtin_bit_cast(u32, value),
                                            static_cast<u32>(lanes)));
}
WF_DEVICE float shuffle(float value, int lane) {
  return __builtin_bit_cast(float, exchange(emulated::WarpOp::shuffle_index, __builtin_bit_cast(u32, value),
                                            static_cast<u32>(lane)));
}
WF_DEVICE u32 from_first_lane(u32 value) { return exchange(emulated::WarpOp::shuffle_index, value, 0); }
WF_DEVICE bool any_lane(bool predicate) { return exchange(emulated::WarpOp::any, predicate, 0) != 0; }

// --- arithmetic -----------------------------------------------------------------------------------------
// .ftz: subnormal inputs and results are zero, with their sign.
WF_DEVICE float flushed(float x) {
  return __builtin_fabsf(x) < 1.17549435e-38f ? __builtin_copysignf(0.0f, x) : x;
}
WF_DEVICE float ex2(float x) { return emulated::exp2_of(flushed(x)); }
WF_DEVICE float lg2(float x) { return emulated::log2_of(x); }
WF_DEVICE float reciprocal_of(float x) { return 1.0f / x; }
WF_DEVICE float square_root(float x) { return __builtin_sqrtf(x); }
WF_DEVICE float divide_of(float x, float y) { return x / y; }
WF_DEVICE float tanh_of(float x) { return __builtin_tanhf(x); }
WF_DEVICE float erfc_of(float x) { return __builtin_erfcf(x); }
WF_DEVICE float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
// Rounded down, of sums within fp32. What the nearest one is off by is a float, too (Knuth).
WF_DEVICE float add_down(float a, float b) {
  const float sum = a + b, rest = sum - a, error = (a - (sum - rest)) + (b - rest);
  if (sum == 0) return __builtin_signbit(a) || __builtin_signbit(b) ? -0.0f : 0.0f;
  return error < 0 ? __int_as_float(__float_as_int(sum) + (sum > 0 ? -1 : 1)) : sum;
}
// As fmaxf and fminf: the other operand where one is NaN.
WF_DEVICE float larger(float a, float b) { return a != a ? b : b != b ? a : a > b ? a : b; }
WF_DEVICE float smaller(float a, float b) { return a != a ? b : b != b ? a : a < b ? a : b; }
WF_DEVICE int larger(int a, int b) { return a > b ? a : b; }
WF_DEVICE int smaller(int a, int b) { return a < b ? a : b; }
WF_DEVICE float magnitude(float a) { return __builtin_fabsf(a); }
WF_DEVICE float infinity() { return __builtin_inff(); }

// Round to nearest even.
WF_DEVICE u16 rounded(bf16, float value) {
  const u32 bits = __builtin_bit_cast(u32, value);
  if (value != value) return 0x7fff;
  return static_cast<u16>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
WF_DEVICE u16 rounded(fp16, float value) {
  const u32 bits = __builtin_bit_cast(u32, value), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return 0x7fff;
  if (size >= 0x477ff000u) return static_cast<u16>(sign | 0x7c00u);  // 65520 and above
  if (size >= 0x38800000u) {                                         // normal: 2^-14 and above
    const u32 shifted = size - 0x38000000u;
    return static_cast<u16>(sign | ((shifted + 0xfffu + (shifted >> 13 & 1u)) >> 13));
  }
  // Adding 0.5 leaves the subnormal's bits, rounded, at the end of the significand.
  const float aligned = __builtin_bit_cast(float, size) + 0.5f;
  return static_cast<u16>(sign | (__builtin_bit_cast(u32, aligned) - 0x3f000000u));
}
WF_DEVICE u32 pack(bf16 t, float low, float high) {
  return static_cast<u32>(rounded(t, low)) | static_cast<u32>(rounded(t, high)) << 16;
}
WF_DEVICE u32 pack(fp16 t, float low, float high) {
  return static_cast<u32>(rounded(t, low)) | static_cast<u32>(rounded(t, high)) << 16;
}
WF_DEVICE float unpack(bf16, u16 bits) { return __builtin_bit_cast(float, static_cast<u32>(bits) << 16); }
WF_DEVICE float unpack(fp16, u16 bits) {
  const u32 sign = (bits & 0x8000u) << 16, size = bits & 0x7fffu;
  if (size >= 0x7c00u) return __builtin_bit_cast(float, sign | 0x7f800000u | (size & 0x3ffu) << 13);
  if (size >= 0x400u) return __builtin_bit_cast(float, sign | ((size << 13) + 0x38000000u));
  const float value = static_cast<float>(size) * 5.9604644775390625e-8f;  // 2^-24
  return sign ? -value : value;
}

}  // namespace warpfinch
