// Problems with their results, for tests of the check.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/accuracy.hpp"
#include "runtime/rows.hpp"

namespace warpfinch {

using Tensors = std::vector<HostTensor>;

inline HostTensor& named(Tensors& tensors, std::string_view name) {
  for (HostTensor& tensor : tensors)
    if (tensor.buffer.name == name) return tensor;
  throw std::runtime_error("no tensor " + std::string(name));
}

// The reference, rounded to the output's type, becomes the output: what a perfect kernel leaves.
inline void solve(const Problem& problem, Tensors& tensors) {
  const std::vector<std::vector<double>> outputs = reference(problem, tensors);
  auto output = outputs.begin();
  for (HostTensor& tensor : tensors) {
    if (!tensor.buffer.output) continue;
    auto value = (output++)->begin();
    for (int64_t row = 0; row < row_count(tensor.buffer); ++row)
      for (int64_t i = 0; i < row_length(tensor.buffer); ++i)
        store_element(tensor, row_offset(tensor.buffer, row) + i * row_stride(tensor.buffer), *value++);
  }
}

inline Tensors solved(const Problem& problem, uint64_t seed = 1, double spread = 1,
                      InputKind kind = InputKind::random) {
  Tensors tensors = workload(buffers(problem), seed, spread, kind);
  solve(problem, tensors);
  return tensors;
}

// Visits every output element: the tensor, where it lies, its value and its bound.
template <class Visit>
void for_each_output(const Problem& problem, const Tensors& tensors, Visit visit) {
  reference_blocks(problem, tensors, false, 1, [&](const ReferenceBlock& block) {
    const auto tensor = static_cast<size_t>(block.buffer);
    size_t at = 0;
    for (int64_t row : block.rows) {
      int64_t offset = element_offset(block, tensors[tensor].buffer, row);
      for (int64_t j = 0; j < block.columns; ++j, ++at, offset += row_stride(tensors[tensor].buffer))
        visit(tensor, offset, block.value[at], block.bound[at]);
    }
  });
}

}  // namespace warpfinch
