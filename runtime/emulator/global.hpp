// Global memory: which bytes kernels may touch, and who touched them.
#pragma once

#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {

// The range that holds the bytes, or null with a hazard reported.
GlobalRange* global_range(Thread& thread, const void* address, size_t bytes, size_t alignment, bool write,
                          std::string_view what);
// fence.acq_rel.gpu: with atomics on both sides it orders what blocks do.
void fence_device(Thread& thread);
// Notes an access and reports what it clashes with.
void touch_global(Thread& thread, GlobalRange& range, const void* address, size_t bytes,
                  const Access& access);

}  // namespace warpfinch::emulator
