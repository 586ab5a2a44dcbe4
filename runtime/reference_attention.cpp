// Attention, a block of query rows at a time: the scores of all keys that the block sees are kept, in chunks,
// so that each row knows its largest one before weights and their margins are taken. The values' magnitudes
// ride along: sum p v is the value, sum margin |v| most of its bound.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "runtime/attention_rows.hpp"
#include "runtime/error_bounds.hpp"
#include "runtime/parallel.hpp"
#include "runtime/product.hpp"
#include "runtime/reference.hpp"
#include "runtime/visible.hpp"

namespace warpfinch {
namespace {

constexpr int64_t kMostRows = 256, kLeastRows = 16, kKeys = 1024;
constexpr int64_t kKeptScores = 1 << 22;  // of a block: 32 MiB
constexpr double kInfinity = std::numeric_limits<double>::infinity();

int64_t rows_of_a_block(const AttentionFields& f) {
  return std::clamp(kKeptScores / f.kv_len, kLeastRows, kMostRows);
}

Visible visible_keys(const AttentionFields& f, int64_t row, const KeyChunk& chunk) {
  const int64_t begin = visible_begin(band(f), row, f.kv_len) - chunk.first;
  const int64_t end = visible_end(band(f), row, f.kv_len) - chunk.first;
  return {std::clamp<int64_t>(begin, 0, chunk.count), std::clamp<int64_t>(end, 0, chunk.count)};
}

struct Head {
  MatrixView q, k, v;
};

MatrixView head_view(const HostTensor& tensor, int64_t batch, int64_t head) {
  const Strides& strides = tensor.buffer.strides;
  return {&tensor, batch * strides[0] + head * strides[1], strides[2], strides[3]};
}

double length_of(const double* vector, int64_t count) {
  double squares = 0;
  for (int64_t i = 0; i < count; ++i) squares += vector[i] * vector[i];
  return std::sqrt(squares);
}

// A block of rows of one head.
struct Block {
  std::vector<int64_t> queries;
  std::vector<AttentionRow> rows;
  std::vector<KeyChunk> chunks;
  // [rows, value_dim]: sum p v, and sum margin |v|.
  std::vector<double> output, margin;
  std::vector<double> largest_value;  // per column, of the values that are finite
};

// Q times the scale; each row learns how exact its scores can be. Where Q is scaled before the product it is
// rounded once more, relative to its elements or to the least number of the type (in log2 units).
std::vector<double> load_queries(const AttentionFields& f, const Head& head, bool scaled_q, Block& block) {
  constexpr double kLn2 = 0.69314718055994531;
  const auto count = static_cast<int64_t>(block.queries.size());
  std::vector<double> q(count * f.head_dim);
  load_rows(head.q, block.queries.data(), count, 0, f.head_dim, q.data());
  const double scale = effective_scale(f);
  const double least =
      scaled_q ? std::sqrt(static_cast<double>(f.head_dim)) * last_rounding(0, 0, f.dtype) * kLn2 : 0;
  for (int64_t i = 0; i < count; ++i) {
    AttentionRow row{.q_length = length_of(&q[i * f.head_dim], f.head_dim),
                     .q_lowest_bit = lowest_bit(&q[i * f.head_dim], f.head_dim)};
    row.sum_error = product_sum_error(f.head_dim) * scale * row.q_length;
    row.scaling_error = scaled_q ? rounding(f.dtype) * scale * row.q_length + least : 0;
    row.end = visible_end(band(f), block.queries[i], f.kv_len);
    block.rows.push_back(row);
  }
  for (double& value : q) value *= scale;
  return q;
}

// Scores of all rows against the keys from `first` on.
KeyChunk score_keys(const AttentionFields& f, const Head& head, const std::vector<double>& q, int64_t first,
                    int64_t end) {
  const std::vector<int64_t> keys = consecutive(first, end);
  const auto count = static_cast<int64_t>(keys.size());
  const int64_t rows = static_cast<int64_t>(q.size()) / f.head_dim;
  std::vector<double> k(count * f.head_dim);
  load_rows(head.k, keys.data(), count, 0, f.head_dim, k.data());
  KeyChunk chunk{.first = first, .count = count};
  chunk.lowest_bit = lowest_bit(k.data(), count * f.head_dim);
  chunk.weights.resize(rows * count);
  chunk.scores.resize(rows);
  for (int64_t j = 0; j < count; ++j) {
    const double length = length_of(&k[j * f.head_dim], f.head_dim);
    chunk.lengths.push_back(length < kInfinity ? length : 0);
    chunk.places.push_back(static_cast<double>(first + j));
    chunk.largest_length = std::max(chunk.largest_length, chunk.lengths.back());
  }
  add_product({rows, count, f.head_dim, true}, q.data(), k.data(), chunk.weights.data());
  return chunk;
}

template <class Visit>  // (row's state, chunk, the row's number, what it sees of the chunk)
void for_each_row(const AttentionFields& f, Block& block, KeyChunk& chunk, Visit visit) {
  for (size_t i = 0; i < block.rows.size(); ++i)
    visit(block.rows[i], chunk, static_cast<int64_t>(i), visible_keys(f, block.queries[i], chunk));
}

// A value that is not finite counts for the rows that see its key, and must not touch the others, whose
// weight of it is 0. Whether a tiny weight of an infinite value is 0 in fp32 is open.
void take_value_apart(const AttentionFields& f, Block& block, const KeyChunk& chunk, int64_t key,
                      int64_t column, double value) {
  for (size_t i = 0; i < block.rows.size(); ++i) {
    const Visible visible = visible_keys(f, block.queries[i], chunk);
    if (key < visible.begin || key >= visible.end) continue;
    const size_t at = i * static_cast<size_t>(effective_value_dim(f)) + static_cast<size_t>(column);
    block.output[at] +=
        value * chunk.weights[i * static_cast<size_t>(chunk.count) + static_cast<size_t>(key)];
    if (std::isinf(value)) block.margin[at] = kInfinity;
  }
}

// The chunk's finite values, [keys, dim]; the others are added at once.
std::vector<double> load_values(const AttentionFields& f, const Head& head, Block& block,
                                const KeyChunk& chunk) {
  const int64_t dim = effective_value_dim(f);
  std::vector<double> values(chunk.count * dim);
  const std::vector<int64_t> keys = consecutive(chunk.first, chunk.first + chunk.count);
  load_rows(head.v, keys.data(), chunk.count, 0, dim, values.data());
  for (int64_t i = 0; i < chunk.count * dim; ++i) {
    double& largest = block.largest_value[i % dim];
    if (std::abs(values[i]) < kInfinity)
      largest = std::max(largest, std::abs(values[i]));
    else
      take_value_apart(f, block, chunk, i / dim, i % dim, std::exchange(values[i], 0.0));
  }
  return values;
}

void add_values(const AttentionFields& f, const Head& head, Block& block, KeyChunk& chunk) {
  const auto rows = static_cast<int64_t>(block.rows.size());
  const int64_t dim = effective_value_dim(f);
  std::vector<double> margins(rows * chunk.count);
  for_each_row(f, block, chunk, [&](AttentionRow& state, KeyChunk& keys, int64_t i, Visible visible) {
    take_margins(state, keys, i, visible, f.dtype, margins.data());
  });
  std::vector<double> values = load_values(f, head, block, chunk);
  const Product product{rows, dim, chunk.count, false};
  add_product(product, chunk.weights.data(), values.data(), block.output.data());
  for (double& value : values) value = std::abs(value);
  add_product(product, margins.data(), values.data(), block.margin.data());
}

Block attend(const AttentionFields& f, const Head& head, std::vector<int64_t> queries, bool scaled_q) {
  const size_t outputs = queries.size() * static_cast<size_t>(effective_value_dim(f));
  Block block{std::move(queries),
              {},
              {},
              std::vector<double>(outputs),
              std::vector<double>(outputs),
              std::vector<double>(effective_value_dim(f))};
  const std::vector<double> q = load_queries(f, head, scaled_q, block);
  // No row sees keys before the first row's, or behind the last row's.
  const int64_t end = visible_end(band(f), block.queries.back(), f.kv_len);
  for (int64_t first = visible_begin(band(f), block.queries.front(), f.kv_len); first < end; first += kKeys) {
    block.chunks.push_back(score_keys(f, head, q, first, std::min(first + kKeys, end)));
    for_each_row(f, block, block.chunks.back(), find_top);
  }
  for (KeyChunk& chunk : block.chunks) {
    for_each_row(f, block, chunk, take_weights);
    add_weights(block.rows, chunk);
  }
  for (KeyChunk& chunk : block.chunks) add_values(f, head, block, chunk);
  return block;
}

ReferenceBlock output_block(const AttentionFields& f, const Head& head, const Block& block) {
  const int64_t dim = effective_value_dim(f);
  ReferenceBlock result{.columns = dim};
  std::vector<double> top_values(dim);
  for (size_t i = 0; i < block.rows.size(); ++i) {
    const AttentionRow& row = block.rows[i];
    if (row.top >= 0) load_rows(head.v, &row.top, 1, 0, dim, top_values.data());
    const double inverse = row.sum == 0 ? 0 : 1 / row.sum;  // a row that sees nothing: 0
    for (int64_t j = 0; j < dim; ++j) {
      const size_t at = i * static_cast<size_t>(dim) + static_cast<size_t>(j);
      result.value.push_back(block.output[at] * inverse);
      result.bound.push_back(output_bound(row, f.dtype, block.margin[at], result.value.back(),
                                          std::abs(top_values[j]), block.largest_value[j]));
    }
  }
  return result;
}

ReferenceBlock lse_block(const Block& block) {
  ReferenceBlock result;
  for (const AttentionRow& row : block.rows) {
    result.value.push_back(lse_of(row));
    result.bound.push_back(lse_bound(row));
  }
  return result;
}

}  // namespace

void reference_of(const AttentionFields& f, const ReferenceInputs& inputs, const BlockSink& sink) {
  const std::vector<int64_t> rows = inputs.choose_rows(f.q_len);
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t rows_of_block = rows_of_a_block(f), blocks = (count + rows_of_block - 1) / rows_of_block;
  const int64_t group = f.q_heads / f.kv_heads;
  parallel_for(f.batch * f.q_heads * blocks, inputs.threads, [&](int64_t task) {
    // The longest rows of a causal mask first.
    const int64_t first = (blocks - 1 - task % blocks) * rows_of_block;
    const int64_t head = task / blocks % f.q_heads, batch = task / blocks / f.q_heads;
    const std::vector<int64_t> chosen(rows.begin() + first,
                                      rows.begin() + std::min(first + rows_of_block, count));
    const Head views{.q = head_view(inputs.tensor("q"), batch, head),
                     .k = head_view(inputs.tensor("k"), batch, head / group),
                     .v = head_view(inputs.tensor("v"), batch, head / group)};
    const Block block = attend(f, views, chosen, inputs.scaled_q);
    const auto deliver = [&](ReferenceBlock result, std::string_view name) {
      result.buffer = inputs.index(name);
      result.matrix = batch * f.q_heads + head;
      result.rows = chosen;
      sink(std::move(result));
    };
    deliver(output_block(f, views, block), "o");
    if (f.lse) deliver(lse_block(block), "lse");
  });
}

}  // namespace warpfinch
