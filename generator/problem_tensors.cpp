// What a problem moves and computes: its tensors, its operations and its bytes. A Problem that comes here is
// canonical (problem.cpp), so sizes fit into 64 bits.
#include <algorithm>

#include "generator/problem.hpp"

namespace warpfinch {

Strides contiguous(const std::vector<int64_t>& shape) {
  Strides strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

std::vector<Buffer> buffers(const Problem& problem) {
  return std::visit([](const auto& operation) { return buffers_of(operation); }, problem);
}

Band band(Mask mask, int64_t rows, int64_t columns) {
  if (mask == Mask::none) return {};
  return {.last = mask == Mask::causal ? columns - rows : 0};
}

namespace {
// Pairs with column <= row + offset.
int64_t pairs_up_to(int64_t offset, int64_t rows, int64_t columns) {
  // Row i sees keys 0 .. i + offset. Rows before -offset see nothing; rows from `full` on see all columns.
  const int64_t first = std::max<int64_t>(0, -offset);
  const int64_t full = std::min(rows, std::max<int64_t>(0, columns - 1 - offset));
  const int64_t ramp = full > first ? (full - first) * (first + full + 2 * offset + 1) / 2 : 0;
  return ramp + std::max<int64_t>(0, rows - std::max(first, full)) * columns;
}
}  // namespace

int64_t visible_pairs(const Band& band, int64_t rows, int64_t columns) {
  const int64_t pairs = band.last ? pairs_up_to(*band.last, rows, columns) : rows * columns;
  return pairs - (band.first ? pairs_up_to(*band.first - 1, rows, columns) : 0);
}

double flops(const Problem& problem) {
  return std::visit([](const auto& operation) { return flops_of(operation); }, problem);
}

double bytes(const Problem& problem) {
  double total = 0;
  for (const Buffer& buffer : buffers(problem)) {
    double elements = 1;
    for (size_t i = 0; i < buffer.shape.size(); ++i)
      if (buffer.strides[i] != 0) elements *= static_cast<double>(buffer.shape[i]);
    total += elements * size_of(buffer.type);
  }
  return total;
}

}  // namespace warpfinch
