// C in tiles: sum a b for the value and sum |a| |b| for the bound, in steps over k that fit into the caches.
#include <algorithm>
#include <cmath>

#include "runtime/parallel.hpp"
#include "runtime/product.hpp"
#include "runtime/reference.hpp"

namespace warpfinch {
namespace {

constexpr int64_t kTile = 256, kStep = 1024;

void to_absolute(std::vector<double>& values) {
  for (double& value : values) value = std::abs(value);
}

// The two sums of one tile.
struct Sums {
  std::vector<double> value, magnitude;
};

// a and b of one batch; b's rows are those that the layout stores: n for tn, k for nn.
Sums tile_sums(const Gemm& gemm, const MatrixView& a, const MatrixView& b, const std::vector<int64_t>& rows,
               const std::vector<int64_t>& columns) {
  const bool tn = gemm.layout == GemmLayout::tn;
  const auto m = static_cast<int64_t>(rows.size()), n = static_cast<int64_t>(columns.size());
  Sums sums{std::vector<double>(m * n), std::vector<double>(m * n)};
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
    to_absolute(left);
    to_absolute(right);
    add_product(product, left.data(), right.data(), sums.magnitude.data());
  }
  return sums;
}

double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }

// What an epilogue in fp32 adds to the bound of an fp32 output: the rounding of x = sum + bias, and for gelu
// that of the argument of erfc, whose relative condition number is about x^2, with erfcf's own 4 ulp.
double epilogue_error(const Gemm& gemm, double x, double value) {
  if (gemm.output != DataType::fp32 || gemm.epilogue == Epilogue::none) return 0;
  const double of_sum = rounding(DataType::fp32) * std::abs(x);
  if (gemm.epilogue == Epilogue::bias) return of_sum;
  return of_sum + rounding(DataType::fp32) * (x * x + 8) * std::abs(value);
}

// Turns the two sums into value and bound. gelu's derivative stays below 1.13, so that errors before it grow
// by that at most.
void finish(const Gemm& gemm, const std::vector<double>& bias, int64_t columns, Sums& sums) {
  const double sum_error = gemm.output == DataType::fp32
                               ? rounding(DataType::fp32) * static_cast<double>(gemm.k)
                               : rounding(gemm.output);
  const double growth = gemm.epilogue == Epilogue::bias_gelu ? 1.13 : 1;
  for (size_t i = 0; i < sums.value.size(); ++i) {
    double& value = sums.value[i];
    value *= gemm.alpha;
    if (!bias.empty()) value += bias[i % static_cast<size_t>(columns)];
    const double x = value;
    if (gemm.epilogue == Epilogue::bias_gelu) value = gelu(x);
    sums.magnitude[i] = growth * (rounding(gemm.output) * std::abs(value) + epilogue_error(gemm, x, value) +
                                  sum_error * std::abs(gemm.alpha) * sums.magnitude[i]) +
                        underflow(gemm.output);
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

void reference_gemm(const Gemm& gemm, const ReferenceInputs& inputs, const BlockSink& sink) {
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
