// Attention, in both forms, made small for the emulator.
#include "generator/operations.hpp"
#include "generator/shrinking.hpp"

namespace warpfinch {

constexpr int64_t kTileRows = 64;  // of a consumer warpgroup

Needs needs_of(const AttentionConfig& c) {
  // A ring goes round in every split, and the last split is as long as the others.
  const int64_t trip = int64_t{c.key_tile} * c.stage_tiles, trips = std::max(c.k_stages, c.v_stages) + 2;
  return {
      tiles(c.consumer_warpgroups * kTileRows * c.cluster), {(trips * c.kv_splits - 1) * trip + 1, trip}, {}};
}

// Two query heads that share a key head, where there are groups; two key heads where there are none.
static void shorten(AttentionFields& fields, const Need& rows, const Need& columns) {
  const int64_t group = std::min<int64_t>(fields.q_heads / fields.kv_heads, 2);
  fields.batch = 1;
  fields.kv_heads = std::min<int64_t>(fields.kv_heads, group > 1 ? 1 : 2);
  fields.q_heads = fields.kv_heads * group;
  fields.q_len = shortened(fields.q_len, rows);
  fields.kv_len = shortened(fields.kv_len, columns);
}

AttentionForward shrunk(AttentionForward attention, const Config& config) {
  const Needs needs = needs_of(config, 0);
  shorten(attention, needs.rows, needs.columns);
  return attention;
}

// Scores are the first product's result, the softmax's rows, and the second product's first factor.
AttentionThreeKernel shrunk(AttentionThreeKernel attention, const Config& config) {
  const Needs scores = needs_of(config, 0), softmax = needs_of(config, 1), values = needs_of(config, 2);
  shorten(attention, both(both(scores.rows, softmax.rows), values.rows),
          both(both(scores.columns, softmax.columns), values.depth));
  return attention;
}

}  // namespace warpfinch
