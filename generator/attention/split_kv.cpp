// Split-KV: with few rows the keys are what blocks can share out. Each split is the forward program over its
// own range of keys; what it writes lies in the workspace until the combine kernel joins it.
#include <algorithm>

#include "generator/builders.hpp"
#include "generator/operations.hpp"

namespace warpfinch {
namespace {

constexpr int64_t kWorkspaceAlignment = 256;

int64_t bytes_of(const Buffer& buffer) {
  const int64_t bytes = extent(buffer) * size_of(buffer.type);
  return (bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
}

}  // namespace

int64_t split_keys(const AttentionFields& fields, const AttentionConfig& config) {
  const int64_t trip = int64_t{config.key_tile} * config.stage_tiles;
  const int64_t trips = (fields.kv_len + trip - 1) / trip;
  return (trips + config.kv_splits - 1) / config.kv_splits * trip;
}

SplitResults split_results(const AttentionFields& fields, const AttentionConfig& config) {
  const RowTiles tiles = row_tiles(fields, config);
  const std::vector<int64_t> rows{config.kv_splits, fields.batch, tiles.heads, tiles.rows};
  std::vector<int64_t> o = rows;
  o.push_back(effective_value_dim(fields));
  return {{"partial_o", DataType::fp32, o, contiguous(o), true},
          {"partial_reference", DataType::fp32, rows, contiguous(rows), true},
          {"partial_sum", DataType::fp32, rows, contiguous(rows), true}};
}

namespace {
// Two stages of K and V and the accumulators of two consumers: what fits at the larger head dims.
int default_key_tile(const AttentionFields& fields) {
  const int64_t dim = std::max(fields.head_dim, effective_value_dim(fields));
  return dim <= 128 ? 128 : dim <= 192 ? 96 : 48;
}
}  // namespace

Config default_of(const AttentionForward& attention) {
  return {{AttentionConfig{.key_tile = default_key_tile(attention)}}};
}
std::vector<Problem> kernels_of(const AttentionForward& attention) { return {attention}; }

PlannedKernels build_of(const AttentionForward& fields, const Config& whole, const Target& target) {
  const auto& config = std::get<AttentionConfig>(whole.kernels[0]);
  PlannedKernels result;
  const BufferRef q{0, 0}, k{1, 0}, v{2, 0}, o{3, 0}, lse{4, 0};
  result.kernels.push_back({build_attention_forward(fields, config, target), {q, k, v}});
  std::vector<BufferRef>& forward = result.kernels[0].arguments;
  if (config.kv_splits == 1) {
    forward.push_back(o);
    if (fields.lse) forward.push_back(lse);
    return result;
  }
  const SplitResults partial = split_results(fields, config);
  const int64_t rows = bytes_of(partial.sum);
  const BufferRef partial_o{-1, 0}, reference{-1, bytes_of(partial.o)}, sum{-1, reference.offset + rows};
  result.workspace_bytes = sum.offset + rows;
  forward.insert(forward.end(), {partial_o, reference, sum});
  result.kernels.push_back({build_combine(fields, config, target), {partial_o, reference, sum, o}});
  if (fields.lse) result.kernels[1].arguments.push_back(lse);
  return result;
}

}  // namespace warpfinch
