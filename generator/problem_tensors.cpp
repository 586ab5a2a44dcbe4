// What a problem moves and computes: its tensors with their strides, its operations and its bytes. A Problem
// that comes here is canonical (problem.cpp), so sizes fit into 64 bits.
#include <algorithm>
#include <cmath>

#include "generator/problem.hpp"

namespace warpfinch {

Strides contiguous(const std::vector<int64_t>& shape) {
  Strides strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

double effective_scale(const AttentionFields& fields) {
  return fields.scale != 0 ? fields.scale : 1.0 / std::sqrt(static_cast<double>(fields.head_dim));
}

int64_t effective_value_dim(const AttentionFields& fields) {
  return fields.value_dim != 0 ? fields.value_dim : fields.head_dim;
}

namespace {

int64_t kv_heads(const AttentionFields& fields) { return fields.kv_heads ? fields.kv_heads : fields.q_heads; }
int64_t kv_len(const AttentionFields& fields) { return fields.kv_len ? fields.kv_len : fields.q_len; }

// [batch, head, row, column] strides of a tensor that is contiguous in the layout's own order.
Strides layout_strides(AttentionLayout layout, int64_t heads, int64_t length, int64_t dim) {
  if (layout == AttentionLayout::bhsd) return {heads * length * dim, length * dim, dim, 1};
  return {length * heads * dim, dim, heads * dim, 1};
}

Strides given_or(const Strides& given, Strides otherwise) { return given.empty() ? otherwise : given; }

}  // namespace

Strides q_strides(const AttentionFields& f) {
  return given_or(f.q_strides, layout_strides(f.layout, f.q_heads, f.q_len, f.head_dim));
}
Strides k_strides(const AttentionFields& f) {
  return given_or(f.k_strides, layout_strides(f.layout, kv_heads(f), kv_len(f), f.head_dim));
}
Strides v_strides(const AttentionFields& f) {
  return given_or(f.v_strides, layout_strides(f.layout, kv_heads(f), kv_len(f), effective_value_dim(f)));
}
Strides o_strides(const AttentionFields& f) {
  return given_or(f.o_strides, layout_strides(f.layout, f.q_heads, f.q_len, effective_value_dim(f)));
}

Strides a_strides(const Gemm& gemm) {
  return given_or(gemm.a_strides, contiguous({gemm.batch, gemm.m, gemm.k}));
}
Strides b_strides(const Gemm& gemm) {
  const bool tn = gemm.layout == GemmLayout::tn;
  return given_or(gemm.b_strides, contiguous({gemm.batch, tn ? gemm.n : gemm.k, tn ? gemm.k : gemm.n}));
}
Strides c_strides(const Gemm& gemm) {
  return given_or(gemm.c_strides, contiguous({gemm.batch, gemm.m, gemm.n}));
}

// --- buffers ------------------------------------------------------------------------------------------
namespace {

std::vector<Buffer> buffers_of(const Gemm& gemm) {
  const auto [batch, m, n, k] = std::array{gemm.batch, gemm.m, gemm.n, gemm.k};
  const bool tn = gemm.layout == GemmLayout::tn;
  std::vector<Buffer> result{
      {.name = "a", .type = gemm.dtype, .shape = {batch, m, k}, .strides = a_strides(gemm)},
      {.name = "b", .type = gemm.dtype, .shape = {batch, tn ? n : k, tn ? k : n}, .strides = b_strides(gemm)},
      {.name = "c", .type = gemm.output, .shape = {batch, m, n}, .strides = c_strides(gemm), .output = true}};
  if (gemm.epilogue != Epilogue::none)
    result.push_back({.name = "bias", .type = gemm.dtype, .shape = {n}, .strides = {1}});
  return result;
}

std::vector<Buffer> buffers_of(const Softmax& softmax) {
  const std::vector<int64_t> shape{softmax.batch, softmax.rows, softmax.columns};
  return {{.name = "x", .type = softmax.dtype, .shape = shape, .strides = contiguous(shape)},
          {.name = "y", .type = softmax.dtype, .shape = shape, .strides = contiguous(shape), .output = true}};
}

std::vector<Buffer> buffers_of(const AttentionFields& f) {
  const std::vector<int64_t> q{f.batch, f.q_heads, f.q_len, f.head_dim};
  const std::vector<int64_t> k{f.batch, kv_heads(f), kv_len(f), f.head_dim};
  const std::vector<int64_t> v{f.batch, kv_heads(f), kv_len(f), effective_value_dim(f)};
  const std::vector<int64_t> o{f.batch, f.q_heads, f.q_len, effective_value_dim(f)};
  std::vector<Buffer> result{
      {.name = "q", .type = f.dtype, .shape = q, .strides = q_strides(f)},
      {.name = "k", .type = f.dtype, .shape = k, .strides = k_strides(f)},
      {.name = "v", .type = f.dtype, .shape = v, .strides = v_strides(f)},
      {.name = "o", .type = f.dtype, .shape = o, .strides = o_strides(f), .output = true}};
  const std::vector<int64_t> lse{f.batch, f.q_heads, f.q_len};
  if (f.lse)
    result.push_back(
        {.name = "lse", .type = DataType::fp32, .shape = lse, .strides = contiguous(lse), .output = true});
  return result;
}

}  // namespace

std::vector<Buffer> buffers(const Problem& problem) {
  return std::visit([](const auto& operation) { return buffers_of(operation); }, problem);
}

// --- work ---------------------------------------------------------------------------------------------
Band band(Mask mask, int64_t rows, int64_t columns) {
  if (mask == Mask::none) return {};
  return {.last = mask == Mask::causal ? columns - rows : 0};
}

Band band(const AttentionFields& f) {
  Band result = band(f.mask, f.q_len, kv_len(f));
  const int64_t diagonal = f.mask == Mask::causal_top_left ? 0 : kv_len(f) - f.q_len;
  if (f.window_left >= 0) result.first = diagonal - f.window_left;
  if (f.window_right >= 0) result.last = std::min(diagonal + f.window_right, result.last.value_or(INT64_MAX));
  return result;
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

namespace {

double flops_of(const Gemm& gemm) {
  return 2.0 * static_cast<double>(gemm.batch) * static_cast<double>(gemm.m) * static_cast<double>(gemm.n) *
         static_cast<double>(gemm.k);
}
double flops_of(const Softmax& softmax) {
  return 5.0 * static_cast<double>(softmax.batch) *
         static_cast<double>(
             visible_pairs(band(softmax.mask, softmax.rows, softmax.columns), softmax.rows, softmax.columns));
}
double flops_of(const AttentionFields& f) {
  return 2.0 * static_cast<double>(f.batch) * static_cast<double>(f.q_heads) *
         static_cast<double>(visible_pairs(band(f), f.q_len, kv_len(f))) *
         static_cast<double>(f.head_dim + effective_value_dim(f));
}

}  // namespace

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
