// What the outputs should be, in float64, in blocks of rows, each element with its error bound.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "generator/problem.hpp"
#include "runtime/workload.hpp"

namespace warpfinch {

// Rows and columns of one matrix of an output. The dimensions before the last two (of a vector per row, such
// as LSE: before the last) are counted in C order as `matrix`.
struct ReferenceBlock {
  int buffer = 0;
  int64_t matrix = 0;
  std::vector<int64_t> rows = {};
  int64_t first_column = 0, columns = 1;
  std::vector<double> value = {};  // [rows, columns]
  std::vector<double> bound = {};  // by so much it may be off before it is rounded to the output's type
};

// Where the block's first element of a row lies in a tensor that is laid out so.
int64_t element_offset(const ReferenceBlock& block, const Buffer& buffer, int64_t row);

// Gets the blocks as they come, from several threads at once.
using BlockSink = std::function<void(ReferenceBlock)>;

// The rows of a matrix that are computed: all of them, or the edges and a spread of at least 64.
std::vector<int64_t> all_rows(int64_t count);
std::vector<int64_t> sampled_rows(int64_t count);
// Above this many floating-point operations rows are sampled.
constexpr double kSampleAboveFlops = 1e12;

// `scaled_q`: bounds of attention that rounds Q once more when it is scaled.
void reference_blocks(const Problem& problem, const std::vector<HostTensor>& tensors, bool sample,
                      int threads, const BlockSink& sink, bool scaled_q = false);

// The parts of reference_blocks: one for each operation.
using RowChoice = std::vector<int64_t> (*)(int64_t count);
struct ReferenceInputs {
  const std::vector<HostTensor>& tensors;
  RowChoice choose_rows;
  int threads;
  bool scaled_q = false;
  const HostTensor& tensor(std::string_view name) const;
  int index(std::string_view name) const;  // -1: there is none
};
void reference_of(const Gemm& gemm, const ReferenceInputs& inputs, const BlockSink& sink);
void reference_of(const Softmax& softmax, const ReferenceInputs& inputs, const BlockSink& sink);
void reference_of(const AttentionFields& fields, const ReferenceInputs& inputs, const BlockSink& sink);

// Copies `columns` elements of each of `rows` of a matrix to `to` ([rows, columns]); strides in elements.
struct MatrixView {
  const HostTensor* tensor;
  int64_t offset, row_stride, column_stride;
};
void load_rows(const MatrixView& matrix, const int64_t* rows, int64_t row_count, int64_t first_column,
               int64_t columns, double* to);
std::vector<int64_t> consecutive(int64_t first, int64_t end);

}  // namespace warpfinch
