// Rows of softmax; what the mask hides, and a row that sees nothing, is 0.
#include <algorithm>
#include <cmath>

#include "runtime/parallel.hpp"
#include "runtime/product.hpp"
#include "runtime/reference.hpp"
#include "runtime/visible.hpp"

namespace warpfinch {
namespace {

// fp32's own relative error: ex2.approx (2^-22, PTX ISA), the sum, and the rounding of the exponent, which is
// an absolute error in proportion to the largest |scale x| of the row: of scale, of both products and of
// their difference, for the element and for the sum.
double fp32_error(const double* values, int64_t visible, double scale) {
  double largest = 0;
  for (int64_t j = 0; j < visible; ++j) largest = std::max(largest, std::abs(scale * values[j]));
  return std::ldexp(1.0, -20) + std::ldexp(1.0, -21) * largest;
}

void softmax_in_place(double* values, int64_t visible, int64_t columns, double scale) {
  std::fill(values + visible, values + columns, 0.0);
  if (visible == 0) return;
  const double maximum = *std::max_element(values, values + visible);
  for (int64_t j = 0; j < visible; ++j) values[j] = scale * (values[j] - maximum);
  exponentials(values, values, visible);
  double sum = 0;
  for (int64_t j = 0; j < visible; ++j) sum += values[j];
  for (int64_t j = 0; j < visible; ++j) values[j] /= sum;
}

}  // namespace

void reference_softmax(const Softmax& softmax, const ReferenceInputs& inputs, const BlockSink& sink) {
  const HostTensor& x = inputs.tensor("x");
  const std::vector<int64_t> rows = inputs.choose_rows(softmax.rows);
  const int64_t rows_per_block = std::clamp<int64_t>((1 << 20) / softmax.columns, 1, 256);
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t blocks = (count + rows_per_block - 1) / rows_per_block;
  parallel_for(softmax.batch * blocks, inputs.threads, [&](int64_t task) {
    const int64_t first = task % blocks * rows_per_block;
    ReferenceBlock block{.buffer = inputs.index("y"), .matrix = task / blocks};
    block.rows.assign(rows.begin() + first, rows.begin() + std::min(first + rows_per_block, count));
    block.columns = softmax.columns;
    block.value.resize(block.rows.size() * static_cast<size_t>(softmax.columns));
    const Strides& strides = x.buffer.strides;
    load_rows({&x, block.matrix * strides[0], strides[1], strides[2]}, block.rows.data(),
              static_cast<int64_t>(block.rows.size()), 0, softmax.columns, block.value.data());
    for (size_t i = 0; i < block.rows.size(); ++i) {
      double* row = &block.value[i * static_cast<size_t>(softmax.columns)];
      const int64_t visible =
          visible_end(band(softmax.mask, softmax.rows, softmax.columns), block.rows[i], softmax.columns);
      const double relative = softmax.dtype == DataType::fp32 ? fp32_error(row, visible, softmax.scale)
                                                              : 2 * rounding(softmax.dtype);
      softmax_in_place(row, visible, softmax.columns, softmax.scale);
      for (int64_t j = 0; j < softmax.columns; ++j)
        block.bound.push_back(relative * row[j] + underflow(softmax.dtype));
    }
    sink(std::move(block));
  });
}

}  // namespace warpfinch
