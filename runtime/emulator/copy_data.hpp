// The bytes of a copy: where they come from and where they go.
#pragma once

#include "runtime/emulator/tensor_copy.hpp"
#include "runtime/emulator/world.hpp"

namespace warpfinch::emulator {

int64_t copy_bytes(const CopyCall& call);
int copy_swizzle(const CopyCall& call);
// Notes what the copy will do to global memory, in the shadow of what may be written; reports bytes that lie
// outside of every allocation.
void note_global(Copy& copy, uint32_t component, Epoch epoch);
void read_source(Copy& copy);        // into copy.data, as it lies in the box
void write_destination(Copy& copy);  // from there

}  // namespace warpfinch::emulator
