// The static model of attention. It stands on measured clocks per score tile.
#include "generator/cost.hpp"

#include <algorithm>
#include <cmath>

#include "generator/builders.hpp"

namespace warpfinch {

using namespace cost;

namespace {

// Clocks that one multiprocessor needs per 64 x 128 tile of scores when `consumers` warpgroups share it, with
// reference conditional, no mask and D = head_dim = value_dim; [order][pingpong]. From kernels timed on an
// H200 (B2 H16 S2048 for D = 64, B4 H32 S4096 for D = 128) and brought to `key_tile` by tile_overhead. One
// consumer, four at D = 128, and turns around pv_first were not timed: estimates.
struct TileClocks {
  int consumers, key_tile;
  double d64[2][2], d128[2][2];
};
constexpr TileClocks kTileClocks[] = {
    {1, 128, {{1450, 1450}, {1400, 1400}}, {{2300, 2300}, {2250, 2250}}},
    {2, 128, {{950, 950}, {1070, 1000}}, {{1620, 1620}, {1750, 1520}}},
    {3, 128, {{835, 835}, {891, 838}}, {{1530, 1530}, {1560, 1500}}},
    {4, 64, {{904, 900}, {868, 861}}, {{2000, 2000}, {1950, 1950}}},
};

// Every tile pays for its barriers and waits; 128 keys cost 7% less per key than 64 (measured, 2 consumers).
double tile_overhead(int key_tile) { return 1.0 + 0.07 * (128.0 / key_tile - 1.0); }

// What is held in front of the wait for PV pays where few warps share the tensor cores, and costs where four
// warpgroups take turns (H200: 60.8 against 62.6 us with turns, 64.0 against 61.8 without).
double settle_factor(const AttentionConfig& c) {
  if (c.order == Order::pv_first || c.pin == Pin::sums) return 1.0;
  if (c.pin == Pin::exponentials && c.max_policy != MaxPolicy::speculative) return 1.04;
  if (c.consumer_warpgroups == 1) return 0.96;
  if (c.consumer_warpgroups == 4) return c.pingpong == Pingpong::issue ? 0.97 : 1.035;
  return 1.0;
}

// Clocks between two row tiles of a persistent block: the next Q, where it may come only when this one was
// read (1 x 2 x 1024 x 128: 64.4 against 59.4 us over three of them) or O has left its place.
double between_tiles(const AttentionConfig& c) {
  if (c.tile_order == TileOrder::flat) return 1750;  // 59.0 against 61.1 us over two waves
  if (c.q_stages > 1) return 200;
  const double alone = c.consumer_warpgroups <= 2 ? 2000 : 300;
  return c.staging == Staging::over_q ? alone + 200 : alone;
}

double tile_clocks(const AttentionFields& f, const AttentionConfig& c, const Target& target) {
  const TileClocks& row = kTileClocks[std::clamp(c.consumer_warpgroups * c.ctas_per_sm, 1, 4) - 1];
  const bool masked = band(f) != Band{};
  // Where each warpgroup ends at its own diagonal they do not fall in step, and a turn makes those wait that
  // end early: without it 5% are won (measured, causal D = 128).
  const size_t order = c.order == Order::qk_first, pingpong = c.pingpong == Pingpong::issue || masked;
  const double d64 = row.d64[order][pingpong], d128 = row.d128[order][pingpong];
  // Between and beyond the measured head dims, linear in the work of the two products.
  const double both = static_cast<double>(f.head_dim + effective_value_dim(f));
  double clocks = d64 + (d128 - d64) * (both - 128.0) / 128.0;
  // Small head dims leave the exponentials, 1.3 times their bare issue (what D = 64 comes near to).
  clocks = std::max(clocks, 1.3 * 64 * 128 / target.exponentials_per_clock);
  clocks *= tile_overhead(c.key_tile) / tile_overhead(row.key_tile);
  if (c.key_tile % 32 != 0) clocks *= 1.02;                                   // 144, 176: measured
  if (c.max_policy == MaxPolicy::always) clocks *= both > 192 ? 1.02 : 1.06;  // measured
  if (c.max_policy == MaxPolicy::speculative) clocks *= 0.92;  // 63.3 of 69.1 us, order pv_first
  if (c.max_policy == MaxPolicy::sum_guard) clocks *= 0.90;    // an estimate: first_tile and a vote
  if (c.max_policy == MaxPolicy::first_tile) clocks *= 0.89;   // 63.1 of 70.9, 399 of 454 us
  if (c.q_in == QueryPlace::registers && c.consumer_warpgroups == 2 && both <= 128)
    clocks *= 0.97;                                                // measured
  if (c.p_in == WeightPlace::shared) clocks *= 1.02;               // an estimate: stored, and joined
  if (c.stage_tiles > 1) clocks *= c.key_tile <= 64 ? 0.98 : 1.0;  // 61.3 of 63.1 us
  const int staged_keys = std::min(c.k_stages, c.v_stages) * c.key_tile * c.stage_tiles;
  if (staged_keys < 192) clocks *= 1.0 + 0.08 * (192.0 - staged_keys) / 64.0;  // 2 x 64 against 3 x 64
  if (std::min(c.k_stages, c.v_stages) == 1) clocks *= 1.15;                   // nothing loads ahead
  if (masked && c.order == Order::qk_first && c.pingpong == Pingpong::none) clocks *= 0.95;
  if (masked && c.mask_loop == MaskLoop::branch) clocks *= 1.005;
  return clocks * settle_factor(c);
}

struct Work {
  double units;    // 64 x 128 score tiles, all heads
  double longest;  // of them, in the block that has most
  double blocks;
};

Work attention_work(const AttentionFields& f, const AttentionConfig& c) {
  const RowTiles tiles = row_tiles(f, c);
  const double heads = static_cast<double>(f.batch) * static_cast<double>(tiles.heads);
  // Whole clusters. What they spare is traffic from L2, which nothing here waits for.
  const double row_blocks =
      ceil_div(static_cast<double>(tiles.rows), 64.0 * c.consumer_warpgroups * c.cluster) * c.cluster;
  const double split = static_cast<double>(split_keys(f, c)) / 128.0;  // score tiles of 64 rows
  const double full = split * c.kv_splits;
  const double all = row_blocks * c.consumer_warpgroups * full;
  Work work{heads * all, c.consumer_warpgroups * split, heads * row_blocks * c.kv_splits};
  const Band visible = band(f);
  if (visible == Band{}) return work;
  // A warpgroup walks to the last tile that its own or the block's last row sees: on average, at each edge,
  // half these rows and half a key tile more than the visible pairs.
  const double edges = visible.first.has_value() + visible.last.has_value();
  const double pairs = static_cast<double>(visible_pairs(visible, f.q_len, f.kv_len) * tiles.group);
  const double groups = row_blocks * c.consumer_warpgroups;
  const double half_rows = c.extents == Extents::warpgroup ? 32.0 : 32.0 * c.consumer_warpgroups * c.cluster;
  work.units =
      heads * std::min(all, (pairs / 64.0 + groups * edges * (half_rows + c.key_tile / 2.0)) / 128.0);
  if (edges == 2) {
    const auto width = static_cast<double>(*visible.last - *visible.first + 1);
    const double rows = 64.0 * c.consumer_warpgroups * c.cluster;
    work.longest = std::min(work.longest, c.consumer_warpgroups * (width + rows + c.key_tile) / 128.0);
  }
  return work;
}

// The second kernel of split-KV: an estimate. Its loads wait for each other's latency rather than for bytes.
double combine_us(const AttentionFields& f, const AttentionConfig& c) {
  if (c.kv_splits == 1) return 0;
  constexpr double kStart = 2.0, kPerSplit = 0.03, kL2BytesPerUs = 3e6;
  const RowTiles tiles = row_tiles(f, c);
  const auto rows = static_cast<double>(f.batch * tiles.heads * tiles.rows);
  const double traffic = 2.0 * 4.0 * c.kv_splits * rows * static_cast<double>(effective_value_dim(f));
  return kStart + kPerSplit * c.kv_splits + traffic / kL2BytesPerUs;
}

// Bytes of keys and values that row tiles read from memory, each for itself: where the long tiles of all
// heads go first (row_tiles_differ), and L2 does not hold what these heads need. Heads that share keys read
// them at the same time. 2.3 ms of 8 x 32 causal heads, 4096 long, D = 128, were this (measured; 1.9 with a
// head_group).
double reread_bytes(const AttentionFields& f, const AttentionConfig& c, const Target& target) {
  if (!row_tiles_differ(f)) return 0;
  const auto key = static_cast<double>((f.head_dim + effective_value_dim(f)) * size_of(f.dtype));
  const auto sharing = static_cast<double>(f.q_heads / f.kv_heads);
  const double heads = c.head_group > 0 ? std::max(1.0, c.head_group / (c.pack_gqa ? 1.0 : sharing))
                                        : static_cast<double>(f.batch * f.kv_heads);
  if (heads * key * static_cast<double>(f.kv_len) <= static_cast<double>(target.l2_bytes)) return 0;
  return attention_work(f, c).units / c.consumer_warpgroups * 128.0 * key / (c.pack_gqa ? 1.0 : sharing);
}

// Keys and values come from memory. A multiprocessor alone draws some three times its share of the bandwidth,
// if its ring has that much on the way: all stages but the one that is being read.
double attention_memory_us(const AttentionFields& f, const AttentionConfig& c, const Target& target) {
  constexpr double kLatency = 1e-6;  // seconds from the request to the release of a stage, loaded
  const double share = target.memory_bytes_per_second / target.multiprocessors;
  const auto row = static_cast<double>(f.head_dim + effective_value_dim(f)) / 2.0 * size_of(f.dtype);
  const double on_the_way = (c.k_stages + c.v_stages - 1) * c.key_tile * row;
  const double drawn = std::min(3.0 * share, on_the_way / kLatency);
  const double active = std::min<double>(attention_work(f, c).blocks, target.multiprocessors);
  const double bandwidth = std::min(target.memory_bytes_per_second, active * drawn);
  const double traffic = std::max<double>(bytes(AttentionForward{f}), reread_bytes(f, c, target));
  return seconds_to_us(traffic / bandwidth) + combine_us(f, c);
}

double compute_us(const AttentionFields& f, const AttentionConfig& c, const Target& target) {
  const double clocks = tile_clocks(f, c, target) * 4096.0 / target.mma_flops_per_clock;
  const Work work = attention_work(f, c);
  const double waves = ceil_div(work.blocks, target.multiprocessors * c.ctas_per_sm);
  // Equal blocks run in waves; unequal ones fill up, at best to the average, at worst to the longest.
  const bool persistent = c.tile_order != TileOrder::flat, dynamic = c.tile_order == TileOrder::dynamic;
  const double uneven = c.tile_order == TileOrder::balanced ? 1.01
                        : dynamic                           ? 1.02
                        : persistent                        ? 1.03
                                                            : 1.07;
  const double average = work.units / target.multiprocessors * uneven;
  const double together = std::min<double>(c.ctas_per_sm, ceil_div(work.blocks, target.multiprocessors));
  const double units = band(f) == Band{} ? waves * work.longest * together : std::max(average, work.longest);
  const double tail = (waves - 1) * (between_tiles(c) + claim_clocks(c.tile_order));
  return kLaunchUs + clocks_to_us(units * clocks + tail, target) + combine_us(f, c);
}

}  // namespace

double kernel_us(const AttentionForward& problem, const AttentionConfig& config, const Target& target) {
  return std::max(kLaunchUs + attention_memory_us(problem, config, target),
                  compute_us(problem, config, target));
}

// A branch around a mask that no tile needs prints the same kernel as the split loop.
bool repeats_another(const AttentionForward& problem, const AttentionConfig& config) {
  const bool needs_mask = band(problem) != Band{} || problem.kv_len % config.key_tile != 0;
  return config.mask_loop == MaskLoop::branch && !needs_mask;
}

bool rounds_scaled_q(const AttentionConfig& config) { return config.scale_q; }

}  // namespace warpfinch
