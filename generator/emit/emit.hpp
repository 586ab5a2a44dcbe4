// Walked program → CUDA text for reading: named after the IR, one line per op, stable to the byte.
#pragma once

#include <string>
#include <vector>

#include "generator/cuda_source.hpp"
#include "generator/ir/program.hpp"
#include "generator/plan.hpp"
#include "generator/target.hpp"

namespace warpfinch::emit {

// A kernel argument: a pointer to a param, or a tensor map over it.
struct KernelParameter {
  std::string param;  // its name
  bool is_map = false;
  int box_rows = 0, box_columns = 0, swizzle = 0;  // of a map
  auto operator<=>(const KernelParameter&) const = default;
};
// In the order of the kernel's signature: by param, the pointer first.
std::vector<KernelParameter> kernel_parameters(const ir::Program& program, const Target& target);

// Does an op of that name stand anywhere in the program?
bool has_op(const ir::Program& program, std::string_view name);

// Of a walked program. `title`: comment lines for the head of the kernel, such as problem and config.
CudaSource emit(const ir::Program& program, const Target& target, const std::vector<std::string>& title);

}  // namespace warpfinch::emit
