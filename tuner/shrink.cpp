#include "tuner/shrink.hpp"

#include <algorithm>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"

namespace warpfinch {
namespace {

constexpr int64_t kWarpgroupRows = 64, kWarpRows = 16;

// What one axis of a problem has to keep: so many elements at least, and its remainder by a period.
struct Need {
  int64_t least = 1, period = 1;
};

// Covers both; periods are tiles, of which one mostly divides the other.
Need both(const Need& a, const Need& b) { return {std::max(a.least, b.least), std::max(a.period, b.period)}; }

// The next length from `least` on with the same remainder; never above the length itself.
int64_t shortened(int64_t length, const Need& need) {
  const int64_t first = std::max<int64_t>(need.least, 1);
  const int64_t missing = (length - first) % need.period;
  return std::min(length, first + (missing + need.period) % need.period);
}

// More than one tile, the last one ragged where the whole's is.
Need tiles(int64_t tile) { return {tile + 1, tile}; }
// A ring of so many stages goes round once and wraps.
Need ring(int64_t tile, int64_t stages) { return {(stages + 1) * tile + 1, tile}; }

// The two axes of the score matrix (attention), or the three of a product.
struct Needs {
  Need rows, columns, depth;
};

Needs needs_of(const GemmConfig& c) {
  return {tiles(c.consumer_warpgroups * kWarpgroupRows), tiles(c.n_tile), ring(c.k_tile, c.stages)};
}
Needs needs_of(const SoftmaxConfig& c) { return {tiles(c.warps * kWarpRows), ring(c.column_tile, 1), {}}; }
Needs needs_of(const AttentionConfig& c) {
  // A ring goes round in every split, and the last split is as long as the others.
  const int64_t trip = int64_t{c.key_tile} * c.stage_tiles, trips = std::max(c.k_stages, c.v_stages) + 2;
  return {tiles(c.consumer_warpgroups * kWarpgroupRows * c.cluster),
          {(trips * c.kv_splits - 1) * trip + 1, trip},
          {}};
}
Needs needs_of(const Config& config, size_t kernel) {
  return std::visit([](const auto& c) { return needs_of(c); }, config.kernels.at(kernel));
}

Gemm shrunk(Gemm gemm, const Config& config) {
  const Needs needs = needs_of(config, 0);
  gemm.batch = std::min<int64_t>(gemm.batch, 2);
  gemm.m = shortened(gemm.m, needs.rows);
  gemm.n = shortened(gemm.n, needs.columns);
  gemm.k = shortened(gemm.k, needs.depth);
  return gemm;
}

Softmax shrunk(Softmax softmax, const Config& config) {
  const Needs needs = needs_of(config, 0);
  softmax.batch = std::min<int64_t>(softmax.batch, 2);
  softmax.rows = shortened(softmax.rows, needs.rows);
  softmax.columns = shortened(softmax.columns, needs.columns);
  return softmax;
}

// Two query heads that share a key head, where there are groups; two key heads where there are none.
void shorten(AttentionFields& fields, const Need& rows, const Need& columns) {
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

bool is_legal(const Problem& problem, const Config& config, const Target& target) {
  return !check(problem, config, target) && generate(problem, config, target);
}

}  // namespace

Problem shrink(const Problem& problem, const Config& config, const Target& target) {
  const Problem smaller =
      std::visit([&](const auto& fields) { return canonical(shrunk(fields, config)); }, problem);
  return is_legal(smaller, config, target) ? smaller : problem;
}

}  // namespace warpfinch
