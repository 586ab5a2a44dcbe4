// The numbers of a wgmma: factors decoded, sums added up.
#pragma once

#include "runtime/emulator/matrix_layout.hpp"
#include "runtime/emulator/world.hpp"

namespace warpfinch::emulator {

// Addresses of the 16-byte chunks that a warp's share reads: of the first factor its 16 rows, of the second
// all columns. 8 elements each; the order is decode's.
std::vector<uint32_t> first_factor_chunks(const ProductCall& call, int warp);
std::vector<uint32_t> second_factor_chunks(const ProductCall& call);

// Executes the warp's products of all groups up to that one, in order.
void run_products(Warp& warp, uint32_t group);

}  // namespace warpfinch::emulator
