// What a tensor map makes of a box: rows of bytes between global and shared memory.
#pragma once

#include <functional>

#include "generator/plan.hpp"

namespace warpfinch::emulator {

// A run of bytes of a box that lie side by side in both memories, as far as they are inside the tensor.
struct BoxRow {
  int64_t box_offset;     // of the row's first byte in the box, before swizzling
  int64_t global_offset;  // of the first byte inside the tensor, from the base
  int64_t first, bytes;   // of the row: which of its bytes are inside (bytes = 0: none)
  int64_t row_bytes;
};
int64_t box_bytes(const TensorMap& map);
// Visits all rows of the box at the coordinates (innermost first).
void for_each_box_row(const TensorMap& map, const int* at, const std::function<void(const BoxRow&)>& visit);
// Why the hardware would refuse the map; empty where it would not.
std::string map_fault(const TensorMap& map, const void* base);

}  // namespace warpfinch::emulator
