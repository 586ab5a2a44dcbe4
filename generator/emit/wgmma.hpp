// The wgmma leaves: one table from which the emitter appends only the instructions that a kernel uses.
#pragma once

#include <set>
#include <string>

#include "generator/data_type.hpp"
#include "generator/ir/program.hpp"

namespace warpfinch::emit {

// wgmma.mma_async m64nNk16 with fp32 sums.
struct WgmmaForm {
  DataType type;
  int columns;          // N: a multiple of 8 up to 256
  bool a_in_registers;  // else a descriptor
  bool b_transposed;    // b lies as [k][n], n contiguous
  bool a_transposed;    // a, with a descriptor, lies as [k][m], m contiguous
  auto operator<=>(const WgmmaForm&) const = default;
};

std::set<WgmmaForm> wgmma_forms(const ir::Program& program);
// Specialisations of `struct Wgmma` (templates/sm90/mma.cuh) for the forms.
std::string wgmma_header(const std::set<WgmmaForm>& forms);

}  // namespace warpfinch::emit
