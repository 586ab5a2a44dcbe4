// What the rows of a row tile are. With few queries the heads that share a KV head are packed into one tile,
// so that their keys are loaded and multiplied once.
#include "generator/builders.hpp"

namespace warpfinch {

using namespace ir;

RowTiles row_tiles(const AttentionFields& fields, const AttentionConfig& config) {
  if (!config.pack_gqa) return {fields.q_heads, fields.q_len};
  const int64_t group = fields.q_heads / fields.kv_heads;
  return {fields.kv_heads, fields.q_len * group, group};
}

int64_t row_tile_count(const AttentionFields& fields, const AttentionConfig& config) {
  const RowTiles tiles = row_tiles(fields, config);
  const int64_t rows = 64 * config.consumer_warpgroups;
  return fields.batch * tiles.heads * ((tiles.rows + rows - 1) / rows) * config.kv_splits;
}

bool row_tiles_differ(const AttentionFields& fields) {
  const Band visible = band(fields);
  return visible.first.has_value() != visible.last.has_value();
}

Tensor row_tiles_param(const Buffer& buffer, const RowTiles& tiles) {
  if (tiles.group == 1) return param(buffer);
  // [batch, head, query(, dim)] as [batch, KV head, query, head of the group(, dim)].
  Buffer view = buffer;
  view.shape[1] = tiles.heads;
  view.shape.insert(view.shape.begin() + 3, tiles.group);
  view.strides[1] = buffer.strides[1] * tiles.group;
  view.strides.insert(view.strides.begin() + 3, buffer.strides[1]);
  return merge_axes(param(view), 2);
}

}  // namespace warpfinch
