// Stands before every emulated kernel: CUDA's words, spelled away, and the leaves of the thread that runs.
#pragma once

#define __device__
#define __forceinline__ inline
#define __global__
#define __grid_constant__
#define __constant__ static
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __align__(n) alignas(n)
// In front of each statement of the kernel.
#define WF_LINE(n) ::warpfinch::emulator::begin_statement(n)

namespace warpfinch::emulator {

// A copy of this object runs one block at a time; the emulator sets `self` whenever it goes on with a thread.
static ThreadState* self = nullptr;
static const Leaves* leaves = nullptr;

// Every loop that a program can write comes by here, also one that touches no leaf and would never give the
// processor away: once in a while the emulator looks whether the time is up.
[[gnu::always_inline]] inline void begin_statement(int line) {
  self->line = line;
  if (++self->marks % 1024 == 0) leaves->tick(*self);
}

// Calls the kernel with the values that lie at these addresses.
template <int I, class... Left>
struct Caller;
template <int I>
struct Caller<I> {
  template <class Kernel, class... Done>
  static void call(Kernel kernel, void* const*, const Done&... done) {
    kernel(done...);
  }
};
template <int I, class First, class... Left>
struct Caller<I, First, Left...> {
  template <class Kernel, class... Done>
  static void call(Kernel kernel, void* const* values, const Done&... done) {
    Caller<I + 1, Left...>::call(kernel, values, done..., *static_cast<const First*>(values[I]));
  }
};
template <class... Parameters>
void call_kernel(void (*kernel)(Parameters...), void* const* values) {
  Caller<0, Parameters...>::call(kernel, values);
}

}  // namespace warpfinch::emulator

inline float __int_as_float(int bits) { return __builtin_bit_cast(float, bits); }
inline int __float_as_int(float value) { return __builtin_bit_cast(int, value); }
