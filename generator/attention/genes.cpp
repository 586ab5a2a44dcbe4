// Attention's genes, a row each. A genome and the text of a config have them in this order.
#include <fmt/ranges.h>

#include <algorithm>

#include "generator/attention/config.hpp"
#include "generator/attention/operands.hpp"
#include "generator/builders.hpp"
#include "generator/constraints.hpp"
#include "generator/fp32.hpp"
#include "generator/lower/balance.hpp"
#include "generator/lower/tensors.hpp"

namespace warpfinch {
namespace {

using F = AttentionForward;
using C = AttentionConfig;

constexpr int kSwizzleRows = 8;  // after which its pattern repeats

constexpr std::string_view kOnlyOwnPath = "auto is best wherever it was measured";

bool beyond_l2(const F& f, const Target& target) { return bytes(f) > target.l2_bytes; }

// --- constraints of one gene that take more than a line ---------------------------------------------------
// With softmax_first the last trip over the keys leaves its loop after the softmax, and the epilogue
// multiplies that tile's P by V. Under a window's left edge mask_loop=split makes several loops, and it
// depends on the row in which of them its last tile lies: none of them could be the one that is left. With
// branch there is one loop.
Reason order_violated(const F& f, const C& c, const Target&) {
  if (c.order != Order::softmax_first || c.mask_loop == MaskLoop::branch || !band(f).first) return {};
  return "order=softmax_first with a window's left edge needs mask_loop=branch";
}

// A list is a block's tiles, made up so that blocks finish together. That changes something only if tiles
// differ in length, and the lists of many tiles would not fit into constant memory.
Reason tile_order_violated(const F& f, const C& c, const Target&) {
  if (c.tile_order != TileOrder::balanced) return {};
  if (!row_tiles_differ(f)) return equal_tiles_listed(c.tile_order);
  const int64_t tiles = row_tile_count(f, c);
  if (tiles <= lower::kMostListed) return {};
  return fmt::format("tile_order=balanced lists {} tiles, at most {}", tiles, lower::kMostListed);
}

// A warpgroup with bounds of its own skips tiles by a branch. Warpgroups then make different numbers of
// trips, but a turn wants the same number from all: it is taken only in a loop of unmasked tiles, which all
// walk through together.
Reason extents_violated(const F& f, const C& c, const Target&) {
  if (c.extents == Extents::block) return {};
  const Band visible = band(f);
  if (!visible.last)
    return fmt::format(
        "extents=warpgroup needs a mask that ends the rows; each of the {} warpgroups sees all keys",
        c.consumer_warpgroups);
  if (c.mask_loop == MaskLoop::branch && c.pingpong == Pingpong::none) return {};
  if (c.mask_loop == MaskLoop::split && !visible.first) return {};
  return fmt::format(
      "extents=warpgroup with {} warpgroups needs mask_loop=branch and pingpong=none{}, it has {} and {}",
      c.consumer_warpgroups, visible.first ? "" : ", or mask_loop=split", value_to_text(c.mask_loop),
      value_to_text(c.pingpong));
}

// With mask_loop=split the loop of the window's left edge would have to end between two tiles of a stage.
Reason stage_tiles_violated(const F& f, const C& c, const Target&) {
  if (c.stage_tiles == 1) return {};
  const int staged = c.key_tile * c.stage_tiles;
  if (staged > lower::kMaxBoxRows)
    return fmt::format("a stage of {} keys: a copy brings at most {}", staged, lower::kMaxBoxRows);
  if (c.mask_loop == MaskLoop::branch || !band(f).first) return {};
  return fmt::format("stage_tiles={} with a window's left edge needs mask_loop=branch", c.stage_tiles);
}

// The LSE of packed rows would have two strides along its innermost axis, which no copy knows.
Reason pack_gqa_violated(const F& f, const C& c, const Target&) {
  if (!c.pack_gqa) return {};
  if (f.lse && f.q_len > 1)
    return fmt::format(
        "pack_gqa=true writes the LSE of one query per head, there are {}: without it, or lse=false",
        f.q_len);
  if (f.q_heads > f.kv_heads) return {};
  return fmt::format("pack_gqa=true wants several query heads per KV head, there are {} and {}", f.q_heads,
                     f.kv_heads);
}

Reason kv_splits_violated(const F& f, const C& c, const Target&) {
  const int64_t trip = int64_t{c.key_tile} * c.stage_tiles;
  const int64_t tiles = (f.kv_len + trip - 1) / trip, tiles_per_split = split_keys(f, c) / trip;
  if (tiles_per_split * (c.kv_splits - 1) < tiles) return {};
  return fmt::format("kv_splits={}: {} key tiles in splits of {} leave the last split without keys",
                     c.kv_splits, tiles, tiles_per_split);
}

// The second Q belongs to the block's next row tile. It can come early only if O does not wait in Q's place.
Reason q_stages_violated(const F&, const C& c, const Target&) {
  if (c.q_stages == 1 || (c.tile_order != TileOrder::flat && c.staging != Staging::over_q)) return {};
  return fmt::format("q_stages={} needs persistent blocks and O apart from Q, it has {} and staging={}",
                     c.q_stages, value_to_text(c.tile_order), value_to_text(c.staging));
}

// With pv_first and softmax_first no product runs beside the softmax, so there is no wait to hold anything in
// front of. With qk_first the check of sum_guard reads the sums, and a turn around the exponentials ends
// behind them: either holds them there whatever `pin` says, and the config would only be another name of the
// same kernel.
Reason pin_violated(const F&, const C& c, const Target&) {
  if (c.pin == Pin::sums) return {};
  if (c.order != Order::qk_first)
    return fmt::format("pin={} needs order=qk_first, where a product runs beside the softmax",
                       value_to_text(c.pin));
  if (c.pin == Pin::none && c.max_policy == MaxPolicy::sum_guard)
    return "pin=none is what pin=sums is with max_policy=sum_guard, whose check holds the sums";
  if (c.pingpong != Pingpong::exponentials) return {};
  return fmt::format("pin={} is what pin=sums is with pingpong=exponentials: {} warpgroups' turns hold both",
                     value_to_text(c.pin), c.consumer_warpgroups);
}

Reason cache_violated(const F&, const C& c, const Target&) {
  if (c.cache == Cache::none) return {};
  Reason path = c.cache != Cache::qo_first ? kv_path_taken(c) : std::nullopt;
  if (!path && c.cache != Cache::kv_last) path = q_path_taken(c);
  if (!path) return {};
  return fmt::format("cache={} is a hint to the copy engine, which {} does without", value_to_text(c.cache),
                     *path);
}

Reason head_group_violated(const F& f, const C& c, const Target&) {
  if (c.head_group == 0) return {};
  if (!row_tiles_differ(f))
    return fmt::format("head_group={} is for a mask with one edge; here one head's tiles follow each other",
                       c.head_group);
  if (c.tile_order == TileOrder::balanced)
    return fmt::format("head_group={} is no order within the lists of tile_order=balanced", c.head_group);
  const int64_t heads = row_tiles(f, c).heads;
  if (c.head_group > 0 && heads % c.head_group == 0) return {};
  return fmt::format("head_group={} does not divide the {} heads", c.head_group, heads);
}

// Q stays in its own type, so a factor above 1 could make it infinite.
Reason scale_q_violated(const F& f, const C& c, const Target&) {
  if (!c.scale_q) return {};
  if (c.q_in != QueryPlace::registers)
    return fmt::format("scale_q=true multiplies Q in registers, it has q_in={}", value_to_text(c.q_in));
  const float scale = exponent_factor(effective_scale(f));
  if (scale <= 1) return {};
  return fmt::format("scale_q=true: Q times {} may not be finite any more", scale);
}

// Only the copy engine can bring a tile to several blocks at once.
Reason multicast_violated(const F& f, const C& c) {
  if (const Reason path = kv_path_taken(c))
    return fmt::format(
        "cluster={} has the copy engine bring K and V to {} blocks at once, which {} does without", c.cluster,
        c.cluster, *path);
  const std::vector<Buffer> user = buffers(f);
  for (size_t i : {1, 2})
    if (const ir::Tensor tensor = param(user[i]); !lower::tma_can_move(tensor))
      return fmt::format(
          "cluster={} has the copy engine bring {} to {} blocks at once, but not with strides "
          "of [{}] elements",
          c.cluster, user[i].name, c.cluster, fmt::join(user[i].strides, ", "));
  return {};
}

Reason cluster_violated(const F& f, const C& c, const Target& target) {
  if (c.cluster == 1) return {};
  if (c.cluster > target.max_cluster)
    return fmt::format("cluster={}: {} has clusters of {} at most", c.cluster, target.name,
                       target.max_cluster);
  if (c.tile_order == TileOrder::dynamic || c.tile_order == TileOrder::balanced)
    return fmt::format(
        "cluster={} wants tile_order=flat or static: each of its {} blocks would {} of its own", c.cluster,
        c.cluster, c.tile_order == TileOrder::dynamic ? "claim a tile" : "have a list");
  const int64_t rows = row_tiles(f, c).rows, m_tile = int64_t{warpgroup_rows(target)} * c.consumer_warpgroups;
  if (rows <= m_tile * (c.cluster - 1))
    return fmt::format("cluster={} wants as many row tiles: {} rows in tiles of {} are {}", c.cluster, rows,
                       m_tile, (rows + m_tile - 1) / m_tile);
  const int staged = c.key_tile * c.stage_tiles;
  if (staged % (kSwizzleRows * c.cluster) != 0)
    return fmt::format(
        "cluster={}: a stage of {} keys comes in {} equal parts of whole swizzles, {} keys each", c.cluster,
        staged, c.cluster, kSwizzleRows);
  return multicast_violated(f, c);
}

// Rows that the cap does not divide would have to have an even narrower swizzle.
Reason swizzle_violated(const F& f, const C& c, const Target&) {
  if (c.swizzle == SwizzleCap::widest) return {};
  const int64_t span = c.swizzle == SwizzleCap::bytes64 ? 64 : 32;
  for (const int64_t columns : {f.head_dim, effective_value_dim(f)})
    if (const int64_t row = columns * size_of(f.dtype); row % span != 0)
      return fmt::format("swizzle={}: rows of {} columns have {} bytes, no multiple of {}", span, columns,
                         row, span);
  return {};
}

}  // namespace

const Genes<AttentionConfig>& AttentionConfig::genes() {
  static const Genes<C> rows{
      {.name = "consumer_warpgroups",
       .field = field<&C::consumer_warpgroups>(),
       .printed = Printed::always,
       .meaning = "Consumer warpgroups of a block; each computes 64 query rows",
       .place = "constant `m_tile` = 64 × consumers; pass `roles`",
       .searched = {.values = numbers({1, 2, 3, 4})},
       .constraint = {.meaning = "a block has 1 to 4 consumer warpgroups beside its producer",
                      .violated =
                          [](const F&, const C& c, const Target& target) {
                            return consumers_violated(c.consumer_warpgroups, target);
                          }},
       .former = "consumers"},
      {.name = "key_tile",
       .field = field<&C::key_tile>(),
       .printed = Printed::always,
       .meaning = "Keys that a block multiplies by at a time",
       .place = "constant `key_tile`",
       .legal = {.least = 16, .most = 256, .step = 16},
       .searched = {.values = numbers({32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192})}},
      {.name = "k_stages",
       .field = field<&C::k_stages>(),
       .printed = Printed::always,
       .meaning = "Stages of the ring that holds tiles of K",
       .place = "`stages=` of shared tile k",
       .legal = {.least = 1, .most = kMostStages},
       .searched = {.values = numbers({1, 2, 3, 4})}},
      {.name = "v_stages",
       .field = field<&C::v_stages>(),
       .printed = Printed::always,
       .meaning = "Stages of the ring that holds tiles of V",
       .place = "`stages=` of shared tile v",
       .legal = {.least = 1, .most = kMostStages},
       .searched = {.values = numbers({1, 2, 3, 4})}},
      {.name = "order",
       .field = field<&C::order>(),
       .printed = Printed::always,
       .meaning = "The order of the tile's body. pv_first: QK(i), wait, softmax(i), PV(i); qk_first: QK(i) "
                  "and PV(i-1) "
                  "are issued together, and softmax(i) runs beside PV(i-1); softmax_first: softmax(i), then "
                  "PV(i) and "
                  "QK(i+1) are issued together, wait",
       .place = "program attribute `order=`; pass `pipeline`",
       .searched = {.values = every_value<Order>()},
       .constraint = {.meaning = "order=softmax_first branches around the masks of a window's left edge",
                      .violated = order_violated}},
      {.name = "pingpong",
       .field = field<&C::pingpong>(),
       .printed = Printed::always,
       .meaning = "What consumer warpgroups take turns in. none: nothing; issue: the issue of their mma ops; "
                  "exponentials: the softmax's exponentials and their sums",
       .place = "program attribute `pingpong=`; pass `pingpong`",
       .searched = {.values = {"none", "issue"},
                    .remark = "turns around the exponentials were slower wherever they were measured on "
                              "Hopper"},
       .constraint = {.meaning = "a turn has at least two consumers to take turns",
                      .violated = [](const F&, const C& c, const Target&) -> Reason {
                        if (c.pingpong == Pingpong::none || c.consumer_warpgroups >= 2) return {};
                        return fmt::format(
                            "pingpong={} needs at least 2 consumers to take turns, consumer_warpgroups={}",
                            value_to_text(c.pingpong), c.consumer_warpgroups);
                      }},
       .former = "baton"},
      {.name = "max_policy",
       .field = field<&C::max_policy>(),
       .printed = Printed::always,
       .meaning =
           "The number that a row's exponentials are taken against. always: the running maximum, and O is "
           "rescaled every tile; conditional: raised only when a row of the warp grew by more than 8 in log2 "
           "units, by a vote of the warp; speculative: the old one is tried first, and a warp whose sums "
           "tell "
           "that it was too low raises it and takes the exponentials again; sum_guard: the first tile's "
           "maximum, which a warp raises by what its sums have grown; first_tile: the first tile's maximum, "
           "and a row tile that it did not fit is done again with always. sum_guard and, in bf16, "
           "speculative also do "
           "such row tiles or rows again",
       .place = "`policy=` of op `reference`, ops around it, `retry=` of the grid",
       .searched = {.values = every_value<MaxPolicy>()},
       .former = "reference"},
      {.name = "tile_order",
       .field = field<&C::tile_order>(),
       .printed = Printed::always,
       .meaning = "Which block computes which row tile. flat: one block per tile; static: as many blocks as "
                  "fit, each with its place in every round; dynamic: as many, and each claims its next tile "
                  "once the loads of the one before are issued; balanced: as many, each with a list of tiles "
                  "whose lengths sum up alike",
       .place = "`tile_order=` and `lists=` of the grid",
       .searched = {.values = every_value<TileOrder>(),
                    .where =
                        [](const F& f, const C& c, const Target&) {
                          return c.tile_order != TileOrder::balanced || row_tiles_differ(f);
                        },
                    .remark = "balanced: under a mask with one edge"},
       .constraint = {.meaning = "tiles that differ in length are listed, while they are few",
                      .violated = tile_order_violated}},
      {.name = "mask_loop",
       .field = field<&C::mask_loop>(),
       .printed = Printed::always,
       .meaning =
           "How tiles that need the mask, or that decide about the reference (sum_guard, first_tile), are "
           "told from "
           "the others. split: they have loops of their own; branch: by a branch that all threads take",
       .place = "program attribute `mask_loop=`; pass `split_mask`",
       .searched = {.values = every_value<MaskLoop>()}},
      {.name = "copy",
       .field = field<&C::copy>(),
       .meaning =
           "How operands get into shared memory. auto: by TMA where its alignment rules allow it, else "
           "as with ld; cp_async: the producer's threads bring 16 bytes each, where rows begin at "
           "multiples of 16 bytes, else as with ld; ld: through the producer's registers. Results "
           "leave by TMA, but with ld",
       .place = "program attribute `copy=`; pass `copy_paths`",
       .searched = {.remark = "auto is best wherever it was measured: threads that copy cost registers and "
                              "issue slots"}},
      {.name = "staging",
       .field = field<&C::staging>(),
       .meaning =
           "Where results wait in shared memory for TMA. over_q: in Q's place; own: in a place of their "
           "own, so that the next Q can come meanwhile; none: nowhere, threads store from registers",
       .place = "program attribute `staging=`; pass `copy_paths`",
       .searched = {.values = every_value<Staging>()}},
      {.name = "extents",
       .field = field<&C::extents>(),
       .meaning = "How far a warpgroup walks along the keys of a masked problem. block: to the last key that "
                  "the block sees; warpgroup: to its own last one, and it hands back unread what the others "
                  "still need",
       .place = "`own=` and `own_unmasked=` of the loop over keys; pass `roles`",
       .searched = {.values = every_value<Extents>(),
                    .where = [](const F& f, const C&, const Target&) { return band(f).last.has_value(); },
                    .remark = "warpgroup: where a mask ends the rows"},
       .constraint = {.meaning =
                          "warpgroups with bounds of their own branch around masks, and take turns only in a "
                          "loop of unmasked tiles",
                      .violated = extents_violated}},
      {.name = "ctas_per_sm",
       .field = field<&C::ctas_per_sm>(),
       .meaning = "Blocks that run on a multiprocessor at a time",
       .place = "program attribute `ctas_per_sm=`; register budgets, `__launch_bounds__`",
       .legal = {.least = 1, .most = 8},
       .searched = {.values = numbers({1, 2, 3})},
       .former = "blocks"},
      {.name = "stage_tiles",
       .field = field<&C::stage_tiles>(),
       .meaning = "Key tiles that one ring stage holds and one trip of the loop computes",
       .place = "shapes of shared tiles k and v, step and body of the loop over keys",
       .legal = {.least = 1, .most = 4},
       .searched = {.values = numbers({1, 2})},
       .constraint =
           {.meaning =
                "a copy brings a whole stage, and stages of several tiles branch around the masks of a "
                "window's left edge",
            .violated = stage_tiles_violated}},
      {.name = "pack_gqa",
       .field = field<&C::pack_gqa>(),
       .meaning = "The query heads that share a KV head also share row tiles, so that their keys are loaded "
                  "and multiplied once",
       .place = "params q, o and lse, whose rows run over queries and heads; `rows_per_query=` of mask ops",
       .searched = {.values = {"false", "true"},
                    .where = [](const F& f, const C&,
                                const Target&) { return f.q_heads != f.kv_heads && f.q_len < 64; },
                    .remark = "with fewer than 64 queries, which do not fill a row tile"},
       .constraint = {.meaning = "heads are packed where several share a KV head",
                      .violated = pack_gqa_violated}},
      {.name = "kv_splits",
       .field = field<&C::kv_splits>(),
       .meaning = "Ranges of keys that blocks compute apart; a second kernel joins the results",
       .place = "axis `split` of the grid, results in the workspace, kernel `combine`",
       .legal = {.least = 1, .most = 256},
       .searched = {.values = numbers({1, 2, 4, 8, 16, 32, 64}),
                    .where =
                        [](const F& f, const C& c, const Target& target) {
                          const int64_t row_tiles = (f.q_heads / f.kv_heads * f.q_len + 63) / 64;
                          return f.batch * f.kv_heads * row_tiles < target.multiprocessors &&
                                 f.kv_len / c.kv_splits >= 128;
                        },
                    .remark = "where row tiles would leave multiprocessors idle, while a split has 128 keys"},
       .constraint = {.meaning = "every split has keys", .violated = kv_splits_violated}},
      {.name = "q_stages",
       .field = field<&C::q_stages>(),
       .meaning = "Tiles of Q in shared memory; with 2 the next one comes while this one is still being read",
       .place = "`stages=` of shared tile q",
       .legal = {.least = 1, .most = 2},
       .searched = {.values = numbers({1, 2})},
       .constraint = {.meaning = "a second Q is for persistent blocks that stage O apart",
                      .violated = q_stages_violated}},
      {.name = "pin",
       .field = field<&C::pin>(),
       .meaning =
           "What must be computed before the wait for the PV product that runs beside the softmax; else "
           "ptxas moves it behind. sums: the exponentials and their sums; exponentials: these alone; "
           "none: nothing. With speculative the check of the sums stands there anyway; the plain loop of "
           "sum_guard and "
           "first_tile (mask_loop=split) always keeps the scores apart",
       .place = "program attribute `pin=`; pass `synchronize`",
       .searched = {.values = every_value<Pin>()},
       .constraint = {.meaning = "arithmetic is held beside a product where one runs",
                      .violated = pin_violated},
       .former = "settle"},
      {.name = "q_in",
       .field = field<&C::q_in>(),
       .meaning =
           "Where the first product reads Q. shared: in shared memory; registers: each warpgroup fills "
           "its registers once per row tile, and Q's place is free unless results wait there",
       .place = "register tile q, operand of the first mma",
       .searched = {.values = every_value<QueryPlace>()}},
      {.name = "cache",
       .field = field<&C::cache>(),
       .meaning =
           "What copies ask of L2. none: nothing; keep_kv: keys and values stay longest, because other "
           "blocks read them too, queries and results go first; kv_last, qo_first: one half of that",
       .place = "`evict=` of loads and stores",
       .searched = {.values = {"none", "keep_kv"},
                    .where = [](const F& f, const C&, const Target& target) { return beyond_l2(f, target); },
                    .remark = "where the tensors do not fit into L2; a half of the hints was never faster"},
       .constraint = {.meaning = "hints to L2 go with copies by the copy engine",
                      .violated = cache_violated}},
      {.name = "head_group",
       .field = field<&C::head_group>(),
       .meaning = "Heads that blocks walk over together under a mask with one edge, so that L2 holds their "
                  "keys; 0: all",
       .place = "axes `h_first` and `h_of_group` of the grid",
       .searched = {.values = numbers({0, 2, 4, 8, 16}),
                    .where =
                        [](const F& f, const C& c, const Target& target) {
                          return beyond_l2(f, target) && row_tiles_differ(f) && f.q_heads % c.head_group == 0;
                        },
                    .remark = "under a mask with one edge, where the tensors do not fit into L2"},
       .constraint = {.meaning = "heads are walked in whole groups, where all would be",
                      .violated = head_group_violated}},
      {.name = "p_in",
       .field = field<&C::p_in>(),
       .meaning = "Where the second product reads P. registers: where the exponentials leave it; shared: in "
                  "shared memory, where each warpgroup puts its own rows",
       .place = "register or shared tile p, operand of the second mma",
       .searched = {.values = every_value<WeightPlace>()}},
      {.name = "scale_q",
       .field = field<&C::scale_q>(),
       .meaning = "The softmax scale is multiplied into Q, which is rounded once more",
       .place = "op `multiply_packed` on register tile q; the check's wider bound",
       .searched = {.remark = "it is less accurate than the problem asks for"},
       .constraint = {.meaning = "Q is scaled in registers, and never grows", .violated = scale_q_violated}},
      {.name = "cluster",
       .field = field<&C::cluster>(),
       .meaning = "Blocks with neighbouring row tiles that load keys and values once for all of them",
       .place = "`cluster=` of the grid, `multicast=` of loads of k and v",
       .legal = {.values = {1, 2, 4}},
       .searched = {.values = numbers({1, 2, 4}),
                    .where = [](const F& f, const C& c,
                                const Target&) { return c.cluster <= (f.q_len + 63) / 64; },
                    .remark = "as many as there could be row tiles"},
       .constraint =
           {.meaning = "blocks of a cluster bring equal parts of every stage of K and V, by the copy engine",
            .violated = cluster_violated}},
      {.name = "polynomial",
       .field = field<&C::polynomial>(),
       .meaning = "Of every 16 exponentials, how many the FMA pipe computes in place of the MUFU",
       .place = "`polynomial=` of ops that take exponentials",
       .legal = {.values = {0, 1, 2, 4, 8}},  // powers of two, so that they lie evenly
       .searched = {.remark = "no measurement on Hopper found it faster than ex2; other chips will want it"}},
      {.name = "producer_regs",
       .field = field<&C::producer_regs>(),
       .meaning = "Registers that a thread of the producer keeps; 0: the least that it needs, which leaves "
                  "consumers most",
       .place = "program attribute `producer_regs=`; `regs=` of the roles",
       .legal = {.values = {0, 24, 32, 40, 56}},
       .searched = {.remark = "0 leaves the consumers most"},
       .constraint = {.meaning = "a producer keeps no more than the launch allots, and no less than it needs",
                      .violated =
                          [](const F& f, const C& c, const Target& target) {
                            return lower::why_not_kept(shares_of(f, c, target), target);
                          }}},
      {.name = "q_copy",
       .field = field<&C::q_copy>(),
       .meaning = "The copy path of Q, if it differs from `copy`",
       .place = "`copy=` of shared tile q; pass `copy_paths`",
       .searched = {.remark = kOnlyOwnPath}},
      {.name = "kv_copy",
       .field = field<&C::kv_copy>(),
       .meaning = "The copy path of K and V, if it differs from `copy`",
       .place = "`copy=` of shared tiles k and v; pass `copy_paths`",
       .searched = {.remark = kOnlyOwnPath}},
      {.name = "swizzle",
       .field = field<&C::swizzle>(),
       .meaning =
           "The widest swizzle of tiles in shared memory, in bytes; a narrower one makes more panels of "
           "shorter rows. widest: what divides a tile's rows",
       .place = "program attribute `swizzle=`; pass `copy_paths`",
       .searched = {.remark = "narrower panels are as free of bank conflicts, and cost the copy engine more "
                              "boxes"},
       .constraint = {.meaning = "rows of Q, K, V and O are whole panels", .violated = swizzle_violated}}};
  return rows;
}

}  // namespace warpfinch
