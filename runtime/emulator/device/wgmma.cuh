// The emulator's stand-in of the wgmma leaves that the emitter appends: all forms at once.
#pragma once

namespace warpfinch {

template <class T, int N, bool AInRegisters, bool BTransposed, bool ATransposed>
struct Wgmma {
  WF_STATIC emulated::ProductCall call(element<float> (&d)[N / 2], bool accumulate, u64 b) {
    emulated::ProductCall call;
    call.columns = N;
    call.type = ValueTypeOf<T>::kType;
    call.accumulate = accumulate;
    call.a_transposed = ATransposed;
    call.b_transposed = BTransposed;
    call.d = d;
    call.b_descriptor = b;
    return call;
  }
  WF_STATIC void issue(emulated::ProductCall call, u64 a) {
    call.a_descriptor = a;
    leaves->product(*self, call);
  }
  WF_STATIC void issue(emulated::ProductCall call, const element<u32>* a) {
    call.a = a;
    leaves->product(*self, call);
  }
  template <class A>
  WF_STATIC void start(element<float> (&d)[N / 2], A a, u64 b) {
    issue(call(d, false, b), a);
  }
  template <class A>
  WF_STATIC void add(element<float> (&d)[N / 2], A a, u64 b) {
    issue(call(d, true, b), a);
  }
};

}  // namespace warpfinch
