// Attention, a block of query rows at a time, over chunks of keys with a running maximum, so that memory does
// not grow with the length. The values' magnitudes ride along as further columns of V: one product gives
// sum p v and sum p |v|.
#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/parallel.hpp"
#include "runtime/product.hpp"
#include "runtime/reference.hpp"
#include "runtime/visible.hpp"

namespace warpfinch {
namespace {

constexpr int64_t kRows = 256, kKeys = 1024;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Softmax state of the rows of a block.
struct Rows {
  std::vector<double> maximum, sum;
  std::vector<double> output;  // [rows, 2 * value_dim]: sum p v, then sum p |v|
  std::vector<double> shift;   // by how much a score may move, where Q is rounded when it is scaled
};

// Of a chunk of keys, those that a row sees.
struct Visible {
  int64_t begin, end;
};
Visible visible_keys(const AttentionFields& f, int64_t row, int64_t first, int64_t keys) {
  const int64_t begin = visible_begin(band(f), row, f.kv_len) - first;
  const int64_t end = visible_end(band(f), row, f.kv_len) - first;
  return {std::clamp<int64_t>(begin, 0, keys), std::clamp<int64_t>(end, 0, keys)};
}

struct Head {
  MatrixView q, k, v;
};

MatrixView head_view(const HostTensor& tensor, int64_t batch, int64_t head) {
  const Strides& strides = tensor.buffer.strides;
  return {&tensor, batch * strides[0] + head * strides[1], strides[2], strides[3]};
}

// [keys, 2 * dim]: V and |V| side by side.
std::vector<double> load_values(const MatrixView& v, const std::vector<int64_t>& keys, int64_t dim) {
  std::vector<double> values(keys.size() * static_cast<size_t>(2 * dim));
  for (size_t i = 0; i < keys.size(); ++i) {
    double* row = &values[i * static_cast<size_t>(2 * dim)];
    load_rows(v, &keys[i], 1, 0, dim, row);
    for (int64_t j = 0; j < dim; ++j) row[dim + j] = std::abs(row[j]);
  }
  return values;
}

// Scores of one row against one chunk become probabilities relative to the row's new maximum; what was summed
// before is rescaled. Hidden keys (before `begin`, from `end` on) get 0.
void take_chunk(Rows& rows, size_t row, double* scores, Visible visible, int64_t keys, int64_t width) {
  std::fill(scores, scores + visible.begin, 0.0);
  std::fill(scores + visible.end, scores + keys, 0.0);
  const int64_t count = visible.end - visible.begin;
  if (count == 0) return;
  scores += visible.begin;
  const double maximum = std::max(rows.maximum[row], *std::max_element(scores, scores + count));
  const double rescale = std::exp(rows.maximum[row] - maximum);
  for (int64_t j = 0; j < count; ++j) scores[j] -= maximum;
  exponentials(scores, scores, count);
  double sum = rows.sum[row] * rescale;
  for (int64_t j = 0; j < count; ++j) sum += scores[j];
  if (rescale != 1)
    for (int64_t j = 0; j < width; ++j) rows.output[row * static_cast<size_t>(width) + j] *= rescale;
  rows.maximum[row] = maximum;
  rows.sum[row] = sum;
}

// The most that the scaled Q's rounding moves a score of each row by: u sum |q| |k|. Below the normal numbers
// of fp16 an element of Q moves by up to 2^-25 = u 2^-13, in units of log2.
void note_shifts(const AttentionFields& f, Rows& rows, std::vector<double> q, std::vector<double> k,
                 const std::vector<int64_t>& indices, int64_t first) {
  constexpr double kLn2 = 0.69314718055994531;
  const double least = f.dtype == DataType::fp16 ? 0x1p-13 * kLn2 : 0;
  const auto count = static_cast<int64_t>(indices.size()), keys = static_cast<int64_t>(k.size()) / f.head_dim;
  for (double& value : q) value = std::max(std::abs(value), least);
  for (double& value : k) value = std::abs(value);
  std::vector<double> sums(static_cast<size_t>(count * keys));
  add_product({count, keys, f.head_dim, true}, q.data(), k.data(), sums.data());
  for (int64_t i = 0; i < count; ++i) {
    const Visible visible = visible_keys(f, indices[i], first, keys);
    for (int64_t j = visible.begin; j < visible.end; ++j)
      rows.shift[i] = std::max(rows.shift[i], rounding(f.dtype) / 2 * sums[i * keys + j]);
  }
}

Rows attend(const AttentionFields& f, const Head& head, const std::vector<int64_t>& indices, bool scaled_q) {
  const auto count = static_cast<int64_t>(indices.size());
  const int64_t value_dim = effective_value_dim(f), width = 2 * value_dim;
  Rows rows{std::vector(indices.size(), -kInfinity), std::vector<double>(indices.size()),
            std::vector<double>(count * width), std::vector<double>(indices.size())};
  std::vector<double> q(count * f.head_dim), k, scores;
  load_rows(head.q, indices.data(), count, 0, f.head_dim, q.data());
  for (double& value : q) value *= effective_scale(f);
  // No row sees keys before the first row's, or behind the last row's.
  const int64_t end = visible_end(band(f), indices.back(), f.kv_len);
  for (int64_t first = visible_begin(band(f), indices.front(), f.kv_len); first < end; first += kKeys) {
    const std::vector<int64_t> keys = consecutive(first, std::min(first + kKeys, end));
    const auto key_count = static_cast<int64_t>(keys.size());
    k.resize(key_count * f.head_dim);
    load_rows(head.k, keys.data(), key_count, 0, f.head_dim, k.data());
    if (scaled_q) note_shifts(f, rows, q, k, indices, first);
    scores.assign(count * key_count, 0);
    add_product({count, key_count, f.head_dim, true}, q.data(), k.data(), scores.data());
    for (int64_t i = 0; i < count; ++i) {
      take_chunk(rows, i, &scores[i * key_count], visible_keys(f, indices[i], first, key_count), key_count,
                 width);
    }
    const std::vector<double> values = load_values(head.v, keys, value_dim);
    add_product({count, width, key_count, false}, scores.data(), values.data(), rows.output.data());
  }
  return rows;
}

ReferenceBlock output_block(const AttentionFields& f, const Rows& rows) {
  const int64_t dim = effective_value_dim(f);
  ReferenceBlock block{.columns = dim};
  for (size_t i = 0; i < rows.sum.size(); ++i) {
    const double* sums = &rows.output[i * static_cast<size_t>(2 * dim)];
    const double inverse = rows.sum[i] > 0 ? 1 / rows.sum[i] : 0;         // a row that sees nothing: 0
    const double moved = std::expm1(std::min(2 * rows.shift[i], 600.0));  // of a probability
    for (int64_t j = 0; j < dim; ++j) {
      const double value = sums[j] * inverse, magnitude = sums[dim + j] * inverse;
      block.value.push_back(value);
      block.bound.push_back(rounding(f.dtype) * (std::abs(value) + magnitude) + moved * magnitude +
                            underflow(f.dtype));
    }
  }
  return block;
}

ReferenceBlock lse_block(const Rows& rows) {
  ReferenceBlock block;
  for (size_t i = 0; i < rows.sum.size(); ++i) {
    const double lse = rows.sum[i] > 0 ? rows.maximum[i] + std::log(rows.sum[i]) : -kInfinity;
    block.value.push_back(lse);
    block.bound.push_back(std::isinf(lse) ? 0 : 1e-4 * std::max(1.0, std::abs(lse)) + rows.shift[i]);
  }
  return block;
}

}  // namespace

void reference_attention(const AttentionFields& f, const ReferenceInputs& inputs, const BlockSink& sink) {
  const std::vector<int64_t> rows = inputs.choose_rows(f.q_len);
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t blocks = (count + kRows - 1) / kRows;
  const int64_t group = f.q_heads / f.kv_heads;
  parallel_for(f.batch * f.q_heads * blocks, inputs.threads, [&](int64_t task) {
    const int64_t first = (blocks - 1 - task % blocks) * kRows;  // the longest rows of a causal mask first
    const int64_t head = task / blocks % f.q_heads, batch = task / blocks / f.q_heads;
    const std::vector<int64_t> chosen(rows.begin() + first, rows.begin() + std::min(first + kRows, count));
    const Rows state = attend(f,
                              {.q = head_view(inputs.tensor("q"), batch, head),
                               .k = head_view(inputs.tensor("k"), batch, head / group),
                               .v = head_view(inputs.tensor("v"), batch, head / group)},
                              chosen, inputs.scaled_q);
    const auto deliver = [&](ReferenceBlock block, std::string_view name) {
      block.buffer = inputs.index(name);
      block.matrix = batch * f.q_heads + head;
      block.rows = chosen;
      sink(std::move(block));
    };
    deliver(output_block(f, state), "o");
    if (f.lse) deliver(lse_block(state), "lse");
  });
}

}  // namespace warpfinch
