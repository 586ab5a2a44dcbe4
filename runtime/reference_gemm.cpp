// C in tiles: sum a b for the value and sum |a| |b| for the bound, in steps over k that fit into the caches.
#include <algorithm>
#include <climits>
#include <cmath>
#include <limits>

#include "runtime/error_bounds.hpp"
#include "runtime/parallel.hpp"
#include "runtime/product.hpp"
#include "runtime/reference.hpp"

namespace warpfinch {
namespace {

constexpr int64_t kTile = 256, kStep = 1024;

void to_absolute(std::vector<double>& values) {
  for (double& value : values) value = std::abs(value);
}

// The two sums of one tile, and the lowest bits of its rows of A and columns of B.
struct Sums {
  std::vector<double> value, magnitude;
  std::vector<int> of_rows, of_columns;
};

void note_lowest_bits(const std::vector<double>& left, const std::vector<double>& right, const Product& shape,
                      Sums& sums) {
  const auto [m, n, step, tn] = shape;
  for (int64_t i = 0; i < m; ++i)
    sums.of_rows[i] = std::min(sums.of_rows[i], lowest_bit(&left[i * step], step));
  for (int64_t j = 0; j < n; ++j)
    sums.of_columns[j] =
        std::min(sums.of_columns[j], lowest_bit(&right[tn ? j * step : j], step, tn ? 1 : n));
}

// a and b of one batch; b's rows are those that the layout stores: n for tn, k for nn.
Sums tile_sums(const Gemm& gemm, const MatrixView& a, const MatrixView& b, const std::vector<int64_t>& rows,
               const std::vector<int64_t>& columns) {
  const bool tn = gemm.layout == GemmLayout::tn;
  const auto m = static_cast<int64_t>(rows.size()), n = static_cast<int64_t>(columns.size());
  Sums sums{std::vector<double>(m * n), std::vector<double>(m * n), std::vector(rows.size(), INT_MAX),
            std::vector(columns.size(), INT_MAX)};
  std::vector<double> left, right;
  for (int64_t k = 0; k < gemm.k; k += kStep) {
    const int64_t step = std::min(kStep, gemm.k - k);
    const std::vector<int64_t> k_rows = consecutive(k, k + step);
    left.resize(m * step);
    right.resize(n * step);
    load_rows(a, rows.data(), m, k, step, left.data());
    if (tn)
      load_rows(b, columns.data(), n, k, step, right.data());
    else
      load_rows(b, k_rows.data(), step, columns[0], n, right.data());
    const Product product{m, n, step, tn};
    add_product(product, left.data(), right.data(), sums.value.data());
    note_lowest_bits(left, right, product, sums);
    to_absolute(left);
    to_absolute(right);
    add_product(product, left.data(), right.data(), sums.magnitude.data());
  }
  return sums;
}

double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }

double slope_of_gelu(double x) {
  constexpr double kInverseRoot = 0.3989422804014327;  // 1 / sqrt(2 pi)
  return std::abs(0.5 * std::erfc(-x / std::sqrt(2.0)) + x * kInverseRoot * std::exp(-0.5 * x * x));
}

// The most that gelu's slope can be within x - error .. x + error. Below -sqrt(2) it falls towards -infinity,
// elsewhere it changes by at most 2 / sqrt(2 pi) = 0.8 per unit.
double gelu_slope(double x, double error) {
  return x + error < -std::sqrt(2.0) ? slope_of_gelu(x + error) : slope_of_gelu(x) + 0.8 * error;
}

// What gelu adds to the error of its argument. erfc below 2^-126 has an absolute error.
double gelu_error(double x, double error, double value) {
  const double condition = x < 0 ? x * x + 1 : 0.5;
  return gelu_slope(x, error) * error + kFloatRounding * (1.3 * condition + 9) * std::abs(value) +
         std::abs(x) * 0x1p-148;
}

// What the steps in fp32 may be off by before the epilogue's gelu: the sum, the product with alpha, the bias.
double linear_error(const Gemm& gemm, double magnitude, int64_t lowest, double product, double x) {
  double error = 0;
  if (!is_exact_sum(magnitude, lowest)) error = product_sum_error(gemm.k) * std::abs(gemm.alpha) * magnitude;
  if (gemm.alpha != 1) error += 2 * kFloatRounding * std::abs(product);
  if (gemm.epilogue != Epilogue::none) error += kFloatRounding * std::abs(x);
  return error;
}

// Turns the two sums into value and bound.
void finish(const Gemm& gemm, const std::vector<double>& bias, int64_t columns, Sums& sums) {
  for (size_t i = 0; i < sums.value.size(); ++i) {
    double &value = sums.value[i], &bound = sums.magnitude[i];
    const double magnitude = bound, product = gemm.alpha * value;
    const size_t row = i / static_cast<size_t>(columns), column = i % static_cast<size_t>(columns);
    const double x = bias.empty() ? product : product + bias[column];
    const int64_t lowest = int64_t{sums.of_rows[row]} + sums.of_columns[column];
    value = gemm.epilogue == Epilogue::bias_gelu ? gelu(x) : x;
    bound = linear_error(gemm, magnitude, lowest, product, x);
    if (gemm.epilogue == Epilogue::bias_gelu) bound = gelu_error(x, bound, value);
    if (magnitude > kLargestFloat) bound = std::numeric_limits<double>::infinity();
    if (!std::isfinite(magnitude)) bound = 0;  // what infinite inputs and NaN give is exact
  }
}

std::vector<double> load_bias(const ReferenceInputs& inputs, int64_t first, int64_t count) {
  if (inputs.index("bias") < 0) return {};
  const HostTensor& bias = inputs.tensor("bias");
  std::vector<double> values(static_cast<size_t>(count));
  const int64_t row = 0;
  load_rows({&bias, 0, 0, bias.buffer.strides[0]}, &row, 1, first, count, values.data());
  return values;
}

MatrixView batch_view(const HostTensor& tensor, int64_t batch) {
  const Strides& strides = tensor.buffer.strides;
  return {&tensor, batch * strides[0], strides[1], strides[2]};
}

}  // namespace

void reference_of(const Gemm& gemm, const ReferenceInputs& inputs, const BlockSink& sink) {
  const std::vector<int64_t> rows = inputs.choose_rows(gemm.m);
  const int64_t row_tiles = (static_cast<int64_t>(rows.size()) + kTile - 1) / kTile;
  const int64_t column_tiles = (gemm.n + kTile - 1) / kTile;
  parallel_for(gemm.batch * row_tiles * column_tiles, inputs.threads, [&](int64_t task) {
    const int64_t column = task % column_tiles * kTile;
    const int64_t row = task / column_tiles % row_tiles * kTile;
    const int64_t batch = task / column_tiles / row_tiles;
    const auto row_end = std::min(row + kTile, static_cast<int64_t>(rows.size()));
    const std::vector<int64_t> columns = consecutive(column, std::min(column + kTile, gemm.n));
    ReferenceBlock block{.buffer = inputs.index("c"), .matrix = batch};
    block.rows.assign(rows.begin() + row, rows.begin() + row_end);
    block.first_column = column;
    block.columns = static_cast<int64_t>(columns.size());
    Sums sums = tile_sums(gemm, batch_view(inputs.tensor("a"), batch), batch_view(inputs.tensor("b"), batch),
                          block.rows, columns);
    finish(gemm, load_bias(inputs, column, block.columns), block.columns, sums);
    block.value = std::move(sums.value);
    block.bound = std::move(sums.magnitude);
    sink(std::move(block));
  });
}

}  // namespace warpfinch
