// Fused attention forward: online softmax over key tiles, as a naive program.
#include <algorithm>
#include <cmath>

#include "generator/builders.hpp"
#include "generator/text.hpp"

namespace warpfinch {

using namespace ir;

namespace {

void declare_tiles(Program& program, const AttentionFields& fields, const AttentionConfig& config) {
  const Expr rows = symbol("m_tile"), keys = symbol("key_tile");
  const int64_t value_dim = effective_value_dim(fields);
  program.tensors.push_back(shared_tile("q", fields.dtype, {rows, fields.head_dim}));
  if (config.q_stages > 1) set(program.tensors.back().attributes, "stages", number_to_text(config.q_stages));
  if (config.q_in == QueryPlace::registers)
    program.tensors.push_back(register_tile("q", fields.dtype, {rows, fields.head_dim}));
  const Expr staged = keys * config.stage_tiles;
  program.tensors.push_back(shared_tile("k", fields.dtype, {staged, fields.head_dim}, config.k_stages));
  program.tensors.push_back(shared_tile("v", fields.dtype, {staged, value_dim}, config.v_stages));
  program.tensors.push_back(register_tile("s", DataType::fp32, {rows, keys}));
  program.tensors.push_back(config.p_in == WeightPlace::registers
                                ? register_tile("p", fields.dtype, {rows, keys})
                                : shared_tile("p", fields.dtype, {rows, keys}));
  program.tensors.push_back(register_tile("o", DataType::fp32, {rows, value_dim}));
  for (const char* name : {"reference", "o_scale", "sum", "unfit"})
    program.tensors.push_back(row_values(name, rows));
  if (config.max_policy == MaxPolicy::speculative) {
    program.tensors.push_back(register_tile("e", DataType::fp32, {rows, keys}));
    program.tensors.push_back(row_values("share", rows));
  }
  if (fields.lse && config.kv_splits == 1) program.tensors.push_back(row_values("lse", rows));
}

// The copy path of one operand, if it differs from the kernel's.
void choose_copy_path(Program& program, const char* tile, OwnCopyPath path) {
  if (path != OwnCopyPath::same)
    set(find(program, Space::shared, tile)->attributes, "copy", value_to_text(path));
}

void declare_params(Program& program, const AttentionFields& fields, const AttentionConfig& config) {
  const RowTiles tiles = row_tiles(fields, config);
  const std::vector<Buffer> user = buffers(AttentionForward{fields});
  program.tensors = {row_tiles_param(user[0], tiles), param(user[1]), param(user[2])};
  if (config.kv_splits > 1) {
    const SplitResults partial = split_results(fields, config);
    program.tensors.push_back(param(partial.o));
    program.tensors.push_back(param(partial.reference));
    program.tensors.push_back(param(partial.sum));
  } else {
    program.tensors.push_back(row_tiles_param(user[3], tiles));
    if (fields.lse) program.tensors.push_back(row_tiles_param(user[4], tiles));
  }
}

// Splits read Q several times, and what they write is read again at once.
Attributes hint_of_q_and_o(const AttentionConfig& config) {
  const bool hinted = config.cache == Cache::keep_kv || config.cache == Cache::qo_first;
  return hinted && config.kv_splits == 1 ? Attributes{{"evict", "first"}} : Attributes{};
}
Attributes hint_of_k_and_v(const AttentionConfig& config) {
  const bool hinted = config.cache == Cache::keep_kv || config.cache == Cache::kv_last;
  return hinted ? Attributes{{"evict", "last"}} : Attributes{};
}

// How many rows share one range of keys: those of a block, or of all blocks of a cluster, which load the keys
// together.
RowRange rows_of_keys(const AttentionConfig& config) {
  if (config.cluster == 1) return {};
  return {symbol("m_cluster"), symbol("m_tile") * config.cluster};
}

// What a block gets of the keys and values: all that it asks for, or also what the others of its cluster do.
Attributes shared_by(const AttentionConfig& config, Attributes attributes) {
  if (config.cluster > 1) set(attributes, "multicast", number_to_text(config.cluster));
  return attributes;
}

// Splits begin and end between trips of the loop.
ColumnBounds key_bounds(const AttentionFields& fields, const AttentionConfig& config) {
  const bool split = config.kv_splits > 1, own = config.extents == Extents::warpgroup;
  const int64_t trip = int64_t{config.key_tile} * config.stage_tiles;
  ColumnBounds bounds = column_bounds(band(fields), fields.kv_len, split ? trip : config.key_tile, own,
                                      row_tiles(fields, config).group, rows_of_keys(config));
  bounds.masked |= fields.kv_len % trip != 0;
  // What a second walk does otherwise gets a loop of its own, too; with softmax_first the first trip does the
  // same.
  bounds.masked |= first_tile_decides(config.max_policy) && config.mask_loop == MaskLoop::split &&
                   config.order != Order::softmax_first;
  if (!split) return bounds;
  const int64_t keys = split_keys(fields, config);
  return columns_within(bounds, symbol("split") * keys, (symbol("split") + 1) * keys, trip);
}

// The exponents' attributes of ops that take exponentials, with the share of them that is not left to ex2.
Attributes exp2_attributes(const AttentionConfig& config, Attributes attributes) {
  if (config.polynomial > 0) set(attributes, "polynomial", number_to_text(config.polynomial));
  return attributes;
}

// P, and what makes it of the exponentials: both places take them rounded.
Operand weights(const AttentionConfig& config) {
  return config.p_in == WeightPlace::registers ? tile("p") : shared("p");
}
Op round_weights(const AttentionConfig& config, const char* exponentials) {
  return op(config.p_in == WeightPlace::registers ? "convert" : "copy",
            {weights(config), tile(exponentials)});
}

// Raises the reference, and brings the sums and O to it. `shifted`: scale and max_offset of the exponentials.
std::vector<Op> raise_reference(Attributes shifted, const char* policy) {
  const bool lazy = std::string_view(policy) == "conditional";
  set(shifted, "policy", policy);
  return {op("reference", {tile("reference"), tile("o_scale"), tile("s")}, shifted),
          op("multiply", {tile("sum"), tile("sum"), tile("o_scale")}),
          op("rescale", {tile("o"), tile("o_scale")}, lazy ? Attributes{{"when", "changed"}} : Attributes{})};
}

// How large a thread's share of a tile's row sum may be under a speculative reference. No exponential is
// larger than its share, so P is finite: fp16 ends at 65504, bf16 where fp32 does. A row of T tiles sums up
// to less than 4 T times the limit, and O to that many times the largest V: finite for all of fp16; in bf16
// while V stays below 2^65 / T (2^54 with 2^17 keys in tiles of 64); where O is not finite, the row is
// computed once more. Nothing is lost below: the reference is the score of a key, so the sum is at least 1
// (lifted: 2^7) but for the shift's rounding, and what underflows against it would against the maximum, too.
double speculation_limit(DataType p) { return p == DataType::fp16 ? 0x1p15 : 0x1p60; }

// The exponentials are taken under the old reference. A warp where that was too low raises it to the maximum
// and takes them again from the scores, which are still there, before P is used. A P in shared memory belongs
// to the warpgroup, and so waits until each of its warps has voted.
void append_speculative_softmax(std::vector<Op>& body, const AttentionFields& fields,
                                const AttentionConfig& config, const Expr& first) {
  const std::vector<Op> raise = raise_reference(plain_exponents(fields, config), "always");
  const Op round = round_weights(config, "e");
  const bool own = config.p_in == WeightPlace::registers;
  std::vector<Op> exponentials = {op("speculative_exp2", {tile("e"), tile("s"), tile("reference")},
                                     exp2_attributes(config, exponents(fields, config))),
                                  op("row_sum", {tile("share"), tile("e")}, {{"partial", ""}})};
  if (own) exponentials.push_back(round);
  Op repair = op("any_above", {tile("share"), number(speculation_limit(fields.dtype))});
  repair.body = raise;
  repair.body.insert(repair.body.end(), exponentials.begin(), exponentials.end());
  if (!is_constant(first)) {
    body.push_back(op("if", {expr(first)}, {{"cold", ""}}));
    body.back().body = raise;
  }
  body.insert(body.end(), exponentials.begin(), exponentials.end());
  body.push_back(std::move(repair));
  if (!own) body.push_back(round);
  body.push_back(op("add", {tile("sum"), tile("sum"), tile("share")}));
}

// How large a thread's share of the row sum may be under a reference that follows the sums (sum_guard). In
// fp16 P has to be finite, in bf16 the sums of a tile that starts at the limit: 2^97 are left for what it
// adds.
double sum_limit(DataType p) { return p == DataType::fp16 ? 0x1p15 : 0x1p30; }

// A warp whose sums have left the limit raises the reference by what they grew, before P is made of the
// exponentials. Nobody needs their maximum for that. The first tile's reference is its maximum, and fits.
Op follow_sums(const Attributes& shifted, DataType type, const Expr& first) {
  const Operand limit = number(sum_limit(type));
  Op rise = op("any_above", {tile("sum"), limit});
  rise.body = {op("raise_to_sum", {tile("reference"), tile("o_scale"), tile("sum"), limit}, shifted),
               op("multiply", {tile("sum"), tile("sum"), tile("o_scale")}),
               op("rescale", {tile("s"), tile("o_scale")}), op("rescale", {tile("o"), tile("o_scale")})};
  if (is_constant(first)) return rise;
  Op behind_first = op("if", {expr(operation("==", first, 0))}, {{"cold", ""}});
  behind_first.body = {std::move(rise)};
  return behind_first;
}

// The exponentials of a tile of scores, under a reference that follows the policy. `first`: where that is not
// 0 the tile is the row's first one.
void append_softmax(std::vector<Op>& body, const AttentionFields& fields, const AttentionConfig& config,
                    const Expr& first) {
  const Attributes shifted = plain_exponents(fields, config);
  const MaxPolicy policy = config.max_policy;
  std::vector<Op> raise =
      raise_reference(shifted, policy == MaxPolicy::conditional ? "conditional" : "always");
  const Op exponentials =
      op("softmax_exp2", {tile("s"), tile("reference")}, exp2_attributes(config, shifted));
  const Op sum = op("row_sum", {tile("sum"), tile("s")}, {{"accumulate", ""}, {"partial", ""}});
  const Op round = round_weights(config, "s");
  if (first_tile_decides(policy)) {
    // Only the first tile decides; where that did not fit, every one does.
    Op rare = op("if", {expr(max(operation("!=", symbol("safe"), 0), first))}, {{"cold", ""}});
    rare.body = std::move(raise);
    body.insert(body.end(), {rare, exponentials, sum});
    if (policy == MaxPolicy::sum_guard)
      body.push_back(follow_sums(exponents(fields, config), fields.dtype, first));
    body.push_back(round);
  } else {
    // O is rescaled last: it is what an mma may still have in flight.
    body.insert(body.end(), {raise[0], exponentials, raise[1], sum, round, raise[2]});
  }
}

// Tile `part` of those that a ring stage holds; the whole stage where it holds one.
Operand part_of(Operand stage, int part, int parts) {
  if (parts > 1) stage.index = {part};
  return stage;
}

// May a trip reach past the last key? Also where keys are whole trips, if a window has them begin between
// two.
bool is_ragged(const AttentionFields& fields, const AttentionConfig& config) {
  const bool between = band(fields).first && config.stage_tiles > 1 && config.kv_splits == 1;
  return between || fields.kv_len % (int64_t{config.key_tile} * config.stage_tiles) != 0;
}

// One trip of the key loop: the tiles of a ring stage, one after the other.
std::vector<Op> stage_body(const AttentionFields& fields, const AttentionConfig& config, const Expr& begin) {
  const Expr b = symbol("b"), n = symbol("n");
  const RowTiles tiles = row_tiles(fields, config);
  const Expr kv_head = symbol("h") / (tiles.heads / fields.kv_heads);
  const int parts = config.stage_tiles;
  const Attributes keys_and_values = shared_by(config, hint_of_k_and_v(config));
  const Operand queries = config.q_in == QueryPlace::registers ? tile("q") : shared("q");
  std::vector<Op> body;
  for (int part = 0; part < parts; ++part) {
    const Expr column = n + part * config.key_tile;
    if (part == 0)
      body.push_back(op("load", {shared("k"), global("k", {b, kv_head, n, 0})}, keys_and_values));
    body.push_back(op("mma", {tile("s"), queries, transposed(part_of(shared("k"), part, parts))}));
    append_mask(body, "s", band(fields), fields.q_len, fields.kv_len, is_ragged(fields, config), column,
                tiles.group);
    const Expr first = part == 0 ? operation("==", n, begin) : Expr(0);
    if (config.max_policy == MaxPolicy::speculative)
      append_speculative_softmax(body, fields, config, first);
    else
      append_softmax(body, fields, config, first);
    if (part == 0)
      body.push_back(op("load", {shared("v"), global("v", {b, kv_head, n, 0})}, keys_and_values));
    body.push_back(
        op("mma", {tile("o"), weights(config), part_of(shared("v"), part, parts)}, {{"accumulate", ""}}));
  }
  return body;
}

std::vector<Op> row_tile(const AttentionFields& fields, const AttentionConfig& config) {
  const Expr b = symbol("b"), h = symbol("h"), m = symbol("m");
  std::vector<Op> body;
  if (config.cluster > 1) body.push_back(let("m", symbol("m_cluster") + symbol("rank") * symbol("m_tile")));
  body.push_back(op("load", {shared("q"), global("q", {b, h, m, 0})}, hint_of_q_and_o(config)));
  if (config.q_in == QueryPlace::registers) body.push_back(op("copy", {tile("q"), shared("q")}));
  if (config.scale_q)
    body.push_back(op("multiply_packed", {tile("q"), exponent_operand(effective_scale(fields))}));
  body.push_back(op("fill", {tile("reference"), number(no_key(fields, config))}));
  body.push_back(op("fill", {tile("sum"), number(0)}));
  body.push_back(op("fill", {tile("o"), number(0)}));
  const ColumnBounds bounds = key_bounds(fields, config);
  const Expr begin = is_constant(bounds.begin) ? bounds.begin : symbol("n_begin");
  append_column_loop(body, bounds, symbol("key_tile") * config.stage_tiles,
                     stage_body(fields, config, begin));
  body.push_back(op("row_total", {tile("sum")}));
  append_normalize(body, fields, config);
  body.push_back(op("store", {result(config, "o", {b, h, m, 0}), tile("o")}, hint_of_q_and_o(config)));
  append_state(body, fields, config);
  return body;
}

// The axes of row tiles, the first one slowest. Where tiles are equally long neighbouring blocks share one
// head's keys; else the long ones of all heads go first, or of a group whose keys L2 holds at a time.
std::vector<Range> tile_axes(const AttentionFields& fields, const AttentionConfig& config) {
  const RowTiles tiles = row_tiles(fields, config);
  const Range batch{"b", 0, fields.batch, 1}, heads{"h", 0, tiles.heads, 1};
  const Range rows{config.cluster > 1 ? "m_cluster" : "m", 0, tiles.rows, rows_of_keys(config).count};
  if (!row_tiles_differ(fields)) return {batch, heads, rows};
  if (config.head_group == 0) return {rows, batch, heads};
  return {
      batch, {"h_first", 0, tiles.heads, config.head_group}, rows, {"h_of_group", 0, config.head_group, 1}};
}

// As many as blocks fit at a time.
int64_t lists(const AttentionFields& fields, const AttentionConfig& config, const Target& target) {
  return std::min(row_tile_count(fields, config), int64_t{target.multiprocessors} * config.ctas_per_sm);
}

}  // namespace

Program build_attention_forward(const AttentionFields& fields, const AttentionConfig& config,
                                const Target& target) {
  Program program;
  program.name = "attention_forward";
  program.attributes = {{"target", target.name},
                        {"order", value_to_text(config.order)},
                        {"pingpong", value_to_text(config.pingpong)},
                        {"mask_loop", value_to_text(config.mask_loop)},
                        {"copy", value_to_text(config.copy)}};
  if (config.staging != Staging::over_q) set(program.attributes, "staging", value_to_text(config.staging));
  if (config.pin != Pin::sums) set(program.attributes, "pin", value_to_text(config.pin));
  if (config.swizzle != SwizzleCap::widest) set(program.attributes, "swizzle", value_to_text(config.swizzle));
  if (config.ctas_per_sm > 1) set(program.attributes, "ctas_per_sm", number_to_text(config.ctas_per_sm));
  if (config.producer_regs > 0)
    set(program.attributes, "producer_regs", number_to_text(config.producer_regs));
  program.constants = {{"m_tile", 64 * config.consumer_warpgroups}, {"key_tile", config.key_tile}};
  declare_params(program, fields, config);
  declare_tiles(program, fields, config);
  choose_copy_path(program, "q", config.q_copy);
  for (const char* tile : {"k", "v"}) choose_copy_path(program, tile, config.kv_copy);

  Op grid = op("grid", {}, {{"tile_order", value_to_text(config.tile_order)}});
  if (may_do_again(config)) set(grid.attributes, "retry", "safe");
  grid.ranges = tile_axes(fields, config);
  if (row_tiles_differ(fields) && band(fields).last)
    set(grid.attributes, "descending", config.cluster > 1 ? "m_cluster" : "m");
  if (config.cluster > 1) set(grid.attributes, "cluster", number_to_text(config.cluster));
  if (config.kv_splits > 1) grid.ranges.insert(grid.ranges.begin(), {"split", 0, config.kv_splits, 1});
  if (config.tile_order == TileOrder::balanced)
    set(grid.attributes, "lists", number_to_text(lists(fields, config, target)));
  grid.body = row_tile(fields, config);
  if (config.head_group > 0)
    grid.body.insert(grid.body.begin(), let("h", symbol("h_first") + symbol("h_of_group")));
  program.body = {std::move(grid)};
  return program;
}

}  // namespace warpfinch
