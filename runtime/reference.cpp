// What the references share: which rows, and how they are read.
#include "runtime/reference.hpp"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "runtime/rows.hpp"

namespace warpfinch {
namespace {

template <class Convert, class Element>
void load_as(const MatrixView& matrix, const int64_t* rows, int64_t row_count, int64_t first_column,
             int64_t columns, double* to, Convert convert, Element) {
  const auto* elements = reinterpret_cast<const Element*>(matrix.tensor->data.data());
  for (int64_t i = 0; i < row_count; ++i) {
    const Element* from =
        elements + matrix.offset + rows[i] * matrix.row_stride + first_column * matrix.column_stride;
    for (int64_t j = 0; j < columns; ++j) *to++ = convert(from[j * matrix.column_stride]);
  }
}

// Rows of a matrix are rows of the tensor when a row has columns; an LSE row is one element.
bool is_column(const ReferenceBlock& block, const Buffer& buffer) {
  return block.columns == 1 && block.first_column == 0 && buffer.shape.size() == 3 && buffer.name == "lse";
}

}  // namespace

int64_t element_offset(const ReferenceBlock& block, const Buffer& buffer, int64_t row) {
  if (is_column(block, buffer)) return row_offset(buffer, block.matrix) + row * row_stride(buffer);
  const int64_t rows_per_matrix = buffer.shape[buffer.shape.size() - 2];
  return row_offset(buffer, block.matrix * rows_per_matrix + row) + block.first_column * row_stride(buffer);
}

std::vector<int64_t> consecutive(int64_t first, int64_t end) {
  std::vector<int64_t> rows(static_cast<size_t>(std::max<int64_t>(0, end - first)));
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

std::vector<int64_t> all_rows(int64_t count) { return consecutive(0, count); }

// Both ends, the edges of tiles of 64, 128 and 256 rows at both ends, and an even spread whose step shares no
// factor with a tile.
std::vector<int64_t> sampled_rows(int64_t count) {
  constexpr int64_t kSpread = 67;
  if (count <= 2 * kSpread) return all_rows(count);
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < kSpread; ++i) rows.push_back(i * (count - 1) / (kSpread - 1));
  for (int64_t tile : {64, 128, 256})
    for (int64_t edge : {tile, count / tile * tile})
      for (int64_t row : {edge - 1, edge})
        if (row >= 0 && row < count) rows.push_back(row);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

void load_rows(const MatrixView& matrix, const int64_t* rows, int64_t row_count, int64_t first_column,
               int64_t columns, double* to) {
  switch (matrix.tensor->buffer.type) {
    case DataType::bf16:
      return load_as(matrix, rows, row_count, first_column, columns, to, from_bf16, uint16_t{});
    case DataType::fp16:
      return load_as(matrix, rows, row_count, first_column, columns, to, from_fp16, uint16_t{});
    case DataType::fp32:
      return load_as(
          matrix, rows, row_count, first_column, columns, to, [](float x) { return x; }, float{});
  }
}

int ReferenceInputs::index(std::string_view name) const {
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].buffer.name == name) return static_cast<int>(i);
  return -1;
}

const HostTensor& ReferenceInputs::tensor(std::string_view name) const {
  assert(index(name) >= 0);
  return tensors[static_cast<size_t>(index(name))];
}

void reference_blocks(const Problem& problem, const std::vector<HostTensor>& tensors, bool sample,
                      int threads, const BlockSink& sink, bool scaled_q) {
  const ReferenceInputs inputs{tensors, sample ? sampled_rows : all_rows, threads, scaled_q};
  std::visit([&](const auto& operation) { reference_of(operation, inputs, sink); }, problem);
}

}  // namespace warpfinch
