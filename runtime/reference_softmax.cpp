// Rows of softmax; what the mask hides, and a row that sees nothing, is 0.
#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/error_bounds.hpp"
#include "runtime/parallel.hpp"
#include "runtime/product.hpp"
#include "runtime/reference.hpp"
#include "runtime/visible.hpp"

namespace warpfinch {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNoWeight = -1000;  // exp of it is 0

// A row becomes its softmax; `bounds` get how far a right kernel may be off.
void take_row(double* values, double* bounds, int64_t visible, int64_t columns, double scale) {
  std::fill(bounds, bounds + columns, 0.0);
  const double maximum = largest(values, visible);
  if (!(maximum < kInfinity)) return std::fill(values, values + columns, std::nan(""));
  std::fill(values + visible, values + columns, 0.0);
  if (maximum == -kInfinity) return std::fill(values, values + visible, 0.0);
  const auto count = static_cast<double>(visible);
  const double of_row =
      2 * kExp2Error + kExponentRoundings * std::log(count) + (count / 4 + kChains) * kFloatRounding;
  for (int64_t j = 0; j < visible; ++j) {
    values[j] = scale * (values[j] - maximum);
    bounds[j] = of_row - kExponentRoundings * std::max(values[j], kNoWeight);
  }
  shifted_exponentials(values, 0, visible);
  double sum = 0;
  for (int64_t j = 0; j < visible; ++j) sum += values[j];
  for (int64_t j = 0; j < visible; ++j) {
    values[j] /= sum;
    bounds[j] = bounds[j] * values[j] + kSmallestExponential;
  }
}

}  // namespace

void reference_of(const Softmax& softmax, const ReferenceInputs& inputs, const BlockSink& sink) {
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
    block.bound.resize(block.value.size());
    for (size_t i = 0; i < block.rows.size(); ++i) {
      const size_t at = i * static_cast<size_t>(softmax.columns);
      const int64_t visible =
          visible_end(band(softmax.mask, softmax.rows, softmax.columns), block.rows[i], softmax.columns);
      take_row(&block.value[at], &block.bound[at], visible, softmax.columns, softmax.scale);
    }
    sink(std::move(block));
  });
}

}  // namespace warpfinch
