#include "generator/ir/ops.hpp"

#include <algorithm>

#include "generator/former_words.hpp"

namespace warpfinch::ir {
namespace {

constexpr OperandInfo reads(unsigned kinds) { return {Access::read, kinds}; }
constexpr OperandInfo writes(unsigned kinds) { return {Access::write, kinds}; }
constexpr OperandInfo updates(unsigned kinds) { return {Access::update, kinds}; }

constexpr unsigned kRegister = kTile | kRows | kColumns;
constexpr unsigned kScalar = kRegister | kNumber | kIndex;

OpInfo unary(std::string_view name, std::string_view meaning) {
  return {name, Group::arithmetic, {writes(kRegister), reads(kRegister)}, {}, meaning};
}
OpInfo binary(std::string_view name, std::string_view meaning) {
  return {name, Group::arithmetic, {writes(kRegister), reads(kRegister), reads(kScalar)}, {}, meaning};
}

std::vector<OpInfo> table() {
  using enum Group;
  return {
      // structure
      {"grid",
       structure,
       {},
       {"tile_order", "group", "descending", "retry", "lists", "cluster"},
       "one tile of the problem per value of its axes, the first axis slowest; tile_order=flat: a block per "
       "tile, static: blocks walk over the tiles in serpentine, dynamic: they claim tiles as they go, "
       "balanced: each of lists=N blocks has a list of tiles; group=N: the last two axes are walked in bands "
       "of N; descending=axis: that axis from its end, for longest first; retry=name: that name is 0, and 1 "
       "when a tile that `redo` marked is done again or could not be done again; cluster=N: each tile is "
       "shared "
       "by a cluster of N blocks, told apart by `rank`",
       kBlock},
      {"role",
       structure,
       {},
       {"producer", "consumer", "compute", "warps", "regs", "pingpong"},
       "the warps that run the body, with their register budget per thread; pingpong: its warpgroups take "
       "turns",
       kBlock},
      {"for",
       structure,
       {},
       {"unmasked_from", "unmasked", "nonempty", "own", "own_unmasked", "unroll", "left_inside"},
       "a loop; unmasked=U: tiles below U need no mask op, those below unmasked_from=F do; nonempty: runs at "
       "least once; own=E, own_unmasked=U: the bounds that each warpgroup's own rows ask for; "
       "unroll=N: N trips at a time, whose loads overlap; left_inside: an op in it leaves it on its last "
       "trip, "
       "or before",
       kBlock},
      {"if",
       structure,
       {reads(kIndex)},
       {"cold"},
       "the body where the condition, the same for the whole role, holds; cold: seldom, so that it waits "
       "inside for what it touches",
       kBlock | kBranch},
      {"any_above",
       structure,
       {reads(kRows), reads(kNumber)},
       {"seldom"},
       "the body in a warp where the value of some thread's row is above the number or NaN; it waits inside "
       "for what it touches; seldom: its code stands out of the way of the others",
       kBlock | kBranch},
      {"leave",
       structure,
       {reads(kIndex)},
       {},
       "leaves the loop where the condition holds, as it must on the last trip"},
      {"let", structure, {reads(kIndex)}, {}, "names an integer"},
      // movement
      {"load",
       movement,
       {writes(kShared | kRegister), reads(kGlobal)},
       {"evict", "via", "multicast"},
       "copies a tile from global memory; what lies outside the tensor is 0; into $: asynchronous, via=tma | "
       "ld | cp_async; evict=first | last: when L2 should give up what TMA reads; multicast=N: by the N "
       "blocks of the cluster together, each of which brings its part of the rows to all",
       kMovesTile},
      {"store",
       movement,
       {writes(kGlobal), reads(kShared | kTile | kRows)},
       {"evict", "via"},
       "copies a tile to global memory; what lies outside the tensor is not written; via=tma | st; evict: as "
       "for load",
       kMovesTile},
      {"copy",
       movement,
       {writes(kShared | kTile), reads(kTile | kShared)},
       {},
       "copies registers to shared memory, converting the type, or a shared tile to registers as it is, for "
       "an mma"},
      {"convert", movement, {writes(kTile), reads(kTile)}, {}, "rounds a tile to another type"},
      {"multiply_packed",
       movement,
       {updates(kTile), reads(kNumber)},
       {},
       "d = d * the number, rounded again to the tile's 16-bit type"},
      {"fill", movement, {writes(kRegister), reads(kNumber | kIndex)}, {}, "sets every element"},
      // matrix
      {"mma",
       mma,
       {updates(kTile), reads(kShared | kTile), reads(kShared)},
       {"accumulate"},
       "d = a b or, with accumulate, d += a b; ^T reads a shared operand transposed; $b[i] is the i-th part "
       "of "
       "its rows as they lie, $b[0, i] of its columns; fp32 sums"},
      // arithmetic
      binary("add", "d = a + b; b may be a tile, a value per row or per column, or a number"),
      binary("subtract", "d = a - b"),
      binary("multiply", "d = a * b"),
      binary("divide", "d = a / b"),
      binary("maximum", "d = max(a, b)"),
      binary("minimum", "d = min(a, b)"),
      unary("exp2", "d = 2^a"),
      unary("log2", "d = log2(a)"),
      unary("reciprocal", "d = 1 / a"),
      unary("sqrt", "d = sqrt(a)"),
      unary("rsqrt", "d = 1 / sqrt(a)"),
      unary("tanh", "d = tanh(a)"),
      unary("sigmoid", "d = 1 / (1 + e^-a)"),
      unary("gelu", "d = a / 2 * erfc(-a / sqrt(2)), the exact gelu"),
      unary("negate", "d = -a"),
      unary("absolute", "d = |a|"),
      {"row_max",
       arithmetic,
       {updates(kRows), reads(kTile)},
       {"accumulate"},
       "the maximum of each row; accumulate: and of what stood there"},
      {"row_sum",
       arithmetic,
       {updates(kRows), reads(kTile)},
       {"accumulate", "partial"},
       "the sum of each row; partial: each thread keeps its own share until row_total"},
      {"row_total", arithmetic, {updates(kRows)}, {}, "joins the partial sums of a row's threads"},
      // softmax
      {"reference",
       arithmetic,
       {updates(kRows), writes(kRows), reads(kTile)},
       {"policy", "shift", "scale", "max_offset"},
       "raises the softmax reference to the rows' maxima and gives the factor by which older sums shrink; "
       "policy=always: always, conditional: only when a row of the warp grew by more than 8 in log2 units; "
       "scale and max_offset "
       "are those of the exponentials; shift=plain: right while the reference is below 2^23 in log2 units, "
       "which `flag_rows` looks at",
       kReduces},
      {"correction",
       arithmetic,
       {writes(kRows), reads(kRows), reads(kRows)},
       {"scale", "max_offset"},
       "the factor that brings what was summed under the reference a to the higher reference b"},
      {"raise_to_sum",
       arithmetic,
       {updates(kRows), writes(kRows), reads(kRows), reads(kNumber)},
       {"scale", "max_offset"},
       "raises the softmax reference of the rows whose sum, joined over their threads, is finite and above "
       "the number, so that the sum becomes 2^8, and gives the factor by which sums shrink, 1 for others"},
      {"softmax_exp2",
       arithmetic,
       {updates(kTile), reads(kRows)},
       {"shift", "polynomial", "scale", "max_offset"},
       "s = 2^(scale (s - reference) + max_offset); polynomial=N: N of every 16 of them are computed by a "
       "polynomial on the FMA pipe, not by ex2; shift=plain: as for reference"},
      {"speculative_exp2",
       arithmetic,
       {writes(kTile), reads(kTile), reads(kRows)},
       {"polynomial", "scale", "max_offset"},
       "e = 2^(scale (s - reference) + max_offset) while nobody knows whether the reference fits; infinite "
       "or NaN "
       "where it is far too low; for plain shifts; polynomial=N: as for softmax_exp2"},
      {"rescale",
       arithmetic,
       {updates(kTile), reads(kRows)},
       {"when"},
       "o = o * factor; when=changed: skipped by a warp whose factors are all 1"},
      {"flag_rows",
       arithmetic,
       {writes(kRows), reads(kRows), reads(kRows), reads(kTile)},
       {"scale", "max_offset"},
       "f = 1 where a row is not what it should be, else 0: its reference is not plain (see reference), its "
       "sum "
       "left [1/2, 2^100), or an element of the tile is infinite or NaN",
       kVariadic | kReduces},
      {"flag_outputs",
       arithmetic,
       {writes(kRows), reads(kTile)},
       {},
       "f = 1 where an output of the row is infinite or NaN, else 0",
       kReduces},
      {"recompute_rows",
       arithmetic,
       {updates(kTile), updates(kRows), updates(kRows), reads(kRows), reads(kRowPlace), reads(kGlobal),
        reads(kGlobal), reads(kRowIndex), reads(kIndex), reads(kIndex), reads(kIndex), reads(kIndex)},
       {"rows_per_query", "scale", "q_scale", "max_offset"},
       "attention's output, reference and sum of the flagged rows once more, value by value, from q, k and "
       "v: "
       "without the keys that a row gives no weight, whose values may be infinite or NaN, with sums that "
       "overflow only where the output does, and for every reference; the indices: first row, begin and end "
       "of "
       "the keys, first and last key of query 0"},
      {"multiply_nonzeros",
       arithmetic,
       {updates(kTile), reads(kRows), reads(kRowPlace), reads(kGlobal)},
       {},
       "d = a b in the flagged rows once more, value by value: without the products whose first factor is 0"},
      {"redo",
       arithmetic,
       {reads(kRows), reads(kIndex)},
       {},
       "where a row's value is not 0: the tile is done again when the walk has ended; once walked, with its "
       "round and whether this is the second try",
       kVariadic,
       {"redo_mask"}},
      {"normalize", arithmetic, {updates(kTile), reads(kRows)}, {}, "o = o / sum, 0 where the sum is 0"},
      {"log_sum_exp",
       arithmetic,
       {writes(kRows), reads(kRows), reads(kRows)},
       {"scale", "max_offset"},
       "e = ln(2) (scale reference - max_offset) + ln(sum); -inf where the sum is 0",
       kReduces},
      {"mask_causal",
       arithmetic,
       {updates(kTile), reads(kRowIndex), reads(kIndex), reads(kIndex)},
       {"rows_per_query"},
       "-inf where column > row + offset; operands: first row, first column, offset; rows_per_query=N: row / "
       "N in "
       "place of row"},
      {"mask_window",
       arithmetic,
       {updates(kTile), reads(kRowIndex), reads(kIndex), reads(kIndex)},
       {"rows_per_query"},
       "-inf where column < row + offset; like mask_causal"},
      {"mask_columns",
       arithmetic,
       {updates(kTile), reads(kIndex), reads(kIndex)},
       {},
       "-inf where column >= limit; operands: first column, limit"},
      // synchronisation: inserted by passes
      {"acquire",
       synchronisation,
       {reads(kShared)},
       {"bytes"},
       "waits until the ring's next stage is free; bytes=N: announces what the copies will bring",
       kFillsRing},
      {"publish",
       synchronisation,
       {reads(kShared)},
       {},
       "hands a stage that ld filled to the consumers",
       kFillsRing},
      {"publish_copies",
       synchronisation,
       {reads(kShared)},
       {},
       "hands a stage that cp.async fills to the consumers, as soon as the copies have landed",
       kFillsRing},
      {"advance",
       synchronisation,
       {reads(kShared)},
       {},
       "moves the producer to the ring's next stage",
       kFillsRing},
      {"wait", synchronisation, {reads(kShared)}, {}, "waits until the ring's current stage is full"},
      {"release",
       synchronisation,
       {reads(kShared)},
       {},
       "hands the current stage back and moves to the next"},
      {"skip", synchronisation, {reads(kShared)}, {}, "waits for the current stage and hands it back unread"},
      {"fence_mma",
       synchronisation,
       {updates(kTile)},
       {},
       "orders register accesses before the mma ops that follow",
       kVariadic},
      {"commit_mma", synchronisation, {}, {}, "closes a group of mma ops"},
      {"wait_mma",
       synchronisation,
       {updates(kTile)},
       {"pending"},
       "waits until at most `pending` groups are in flight; the named tiles may then be touched",
       kVariadic},
      {"pin",
       synchronisation,
       {reads(kTile | kRows)},
       {},
       "keeps the compiler from moving what the values are made of behind the next wait",
       0,
       {},
       "settle"},
      {"fence_async",
       synchronisation,
       {},
       {},
       "makes shared-memory stores, and what cp.async brought, visible to TMA and mma; joins the warp"},
      {"join_warpgroup",
       synchronisation,
       {},
       {},
       "makes what the warpgroup's threads stored to shared memory visible to its mma ops; joins the "
       "warpgroup",
       0,
       {"warpgroup"}},
      {"wait_store", synchronisation, {}, {}, "waits until the warp's TMA stores have read shared memory"},
      {"pingpong_wait",
       synchronisation,
       {},
       {},
       "waits for this warpgroup's turn",
       0,
       {"warpgroup"},
       "baton_wait"},
      {"pingpong_pass",
       synchronisation,
       {},
       {"warpgroups"},
       "hands the turn to the next of so many warpgroups",
       0,
       {"warpgroup"},
       "baton_pass"},
      // the walk over tiles: what the pass `walk` makes of the grid and the heads of roles
      {"tile_lists", structure, {}, {}, "what each block does, as a list of tiles", kBlock},
      {"tile_list", structure, {}, {"of"}, "the tiles of one block, in order"},
      {"launch",
       structure,
       {},
       {"tiles", "resident", "cluster"},
       "what each block of the kernel runs, a block per tile; resident: no more than the device holds at a "
       "time; cluster=N: N blocks per tile",
       kBlock},
      {"claims",
       structure,
       {reads(kIndex), reads(kIndex)},
       {"kept"},
       "where tiles are claimed: of how many, and where their barriers and numbers lie; kept=N: numbers that "
       "stay for a second walk",
       kDeclares,
       {"tile_counter"},
       "",
       "TileClaims",
       "claims"},
      {"redo_mask",
       structure,
       {reads(kIndex)},
       {},
       "where tiles are marked that have to be done again",
       kDeclares,
       {},
       "",
       "u32",
       "redo_mask"},
      {"cluster_redo_mask",
       structure,
       {reads(kIndex)},
       {"cluster"},
       "the same in each block of a cluster, all of which are marked together",
       kDeclares,
       {},
       "",
       "ClusterMask",
       "redo_mask"},
      {"initialize",
       synchronisation,
       {reads(kShared), reads(kIndex), reads(kIndex)},
       {},
       "a ring's barriers: arrivals that fill a stage, and that free it"},
      {"initialize_claims",
       synchronisation,
       {reads(kIndex)},
       {},
       "the barriers of the claims, which so many warps read",
       0,
       {"claims"}},
      {"clear_marks", synchronisation, {}, {}, "no tile has to be done again", 0, {"redo_mask"}},
      {"mbarrier_init_fence", synchronisation, {}, {}, "makes the barriers known to the copy engine"},
      {"block_sync", synchronisation, {}, {}, "joins the block"},
      {"cluster_sync", synchronisation, {}, {}, "joins the blocks of the cluster"},
      {"grow_registers", synchronisation, {}, {"count"}, "takes so many registers for each thread"},
      {"shrink_registers", synchronisation, {}, {"count"}, "keeps so many registers for each thread"},
      {"pingpong_open",
       synchronisation,
       {},
       {"warpgroups"},
       "gives the first of so many warpgroups its turn",
       0,
       {"warpgroup"}},
      {"is_leader", structure, {}, {}, "the body in one thread of the role", kBlock | kBranch},
      {"walk_in_serpentine",
       structure,
       {reads(kIndex)},
       {},
       "so many tiles, as many at a time as there are blocks, every other time backwards",
       kBlock | kWalk,
       {},
       "",
       "TileWalk",
       "walk"},
      {"walk_by_clusters",
       structure,
       {reads(kIndex)},
       {"cluster"},
       "the same for clusters of blocks, each of which does a tile together",
       kBlock | kWalk,
       {},
       "",
       "ClusterWalk",
       "walk"},
      {"walk_listed",
       structure,
       {},
       {},
       "the tiles of the block's list",
       kBlock | kWalk,
       {"tile_lists"},
       "",
       "ListedWalk",
       "walk"},
      {"walk_claimed",
       structure,
       {reads(kIndex)},
       {"who", "kept"},
       "the tiles that the block claims, or, where the operand is not 0, those that it has claimed; who: "
       "claims them, reads which ones are claimed, or does both",
       kBlock | kWalk,
       {"claims"},
       "",
       "ClaimedWalk",
       "walk"},
      {"is_marked",
       structure,
       {reads(kIndex)},
       {},
       "passes to the next tile unless that of this round has to be done again",
       kPasses,
       {"redo_mask"}},
      {"any_marked",
       structure,
       {},
       {"threads"},
       "joins so many threads, all of the block, and leaves the loop unless tiles have to be done again",
       kLeaves,
       {"redo_mask"}},
      {"cp_async_wait", synchronisation, {}, {}, "waits until the thread's copies have landed"},
  };
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Does `a` store to a shared tile, thread by thread, that `b` uses?
bool stores_for(const Op& a, const Op& b) {
  return a.name == "copy" && a.operands[0].space == Space::shared &&
         mentions(b, Space::shared, a.operands[0].name);
}

bool touches(const std::vector<std::string>& names, const RegisterUse& use) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return contains(use.reads, name) || contains(use.writes, name);
  });
}

}  // namespace

const std::vector<OpInfo>& ops() {
  static const std::vector<OpInfo> rows = table();
  return rows;
}

const std::vector<KnownName>& known_names() {
  static const std::vector<KnownName> rows = {
      {"block.index", "block_index()", "of the launch's blocks"},
      {"thread.index", "thread_index()", "within the block"},
      {"warp.index", "warp_index()", "within the block"},
      {"shared.base", "shared", "address of the block's shared memory"},
      {"walk.tile", "walk.tile()", "the number of the tile that is walked over"},
      {"walk.round", "walk.round", "how many tiles the block has walked over before"},
      {"walk.redone", "walk.redone()", "1 where the tile is done again, or could not be done again later"},
  };
  return rows;
}

const OpInfo* find_op(std::string_view name) {
  for (const OpInfo& info : ops())
    if (info.name == name) return &info;
  return nullptr;
}

std::string op_in_present_words(std::string name) {
  for (const OpInfo& info : ops()) {
    if (info.former.empty() || info.former != name) continue;
    note_former_word(name, info.name);
    return std::string(info.name);
  }
  return name;
}

bool has_trait(const Op& op, Traits trait) {
  const OpInfo* info = find_op(op.name);
  return info && info->traits & trait;
}

const OperandInfo& operand_info(const OpInfo& info, size_t i) {
  return info.operands[std::min(i, info.operands.size() - 1)];
}

unsigned kind_of(const Program& program, const Operand& operand) {
  if (operand.kind == Operand::Kind::number) return kNumber;
  if (operand.kind == Operand::Kind::expr)
    return kIndex | kRowIndex | (is_constant(operand.expr) ? kNumber : 0u);
  const Tensor* tensor = find(program, operand.space, operand.name);
  if (!tensor) return 0;
  if (operand.space == Space::global) return kGlobal | kRowPlace;
  if (operand.space == Space::shared) return kShared;
  if (has(tensor->attributes, "rows")) return kRows;
  return has(tensor->attributes, "columns") ? kColumns : kTile;
}

RegisterUse register_use(const Op& op) {
  RegisterUse use;
  const OpInfo* info = find_op(op.name);
  if (!info) return use;
  const auto& known = info->attributes;
  const bool accumulates = std::find(known.begin(), known.end(), "accumulate") != known.end();
  for (size_t i = 0; i < op.operands.size() && !info->operands.empty(); ++i) {
    const Operand& operand = op.operands[i];
    if (operand.kind != Operand::Kind::tensor || operand.space != Space::register_) continue;
    const Access access = operand_info(*info, i).access;
    const bool overwrites = accumulates && !has(op.attributes, "accumulate");
    if (access != Access::write && !(access == Access::update && overwrites))
      use.reads.push_back(operand.name);
    if (access != Access::read) use.writes.push_back(operand.name);
  }
  return use;
}

std::set<std::string> names_in(const Op& op) {
  std::set<std::string> names;
  for (const Range& range : op.ranges)
    for (const Expr* part : {&range.begin, &range.end, &range.step}) collect_names(*part, names);
  for (const Operand& operand : op.operands) {
    collect_names(operand.expr, names);
    for (const Expr& index : operand.index) collect_names(index, names);
  }
  return names;
}

std::set<std::string> names_in(const std::vector<Op>& body) {
  std::set<std::string> names;
  walk(body, [&](const Op& op) { names.merge(names_in(op)); });
  return names;
}

std::string_view role_kind(const Op& role) {
  for (std::string_view kind : {"producer", "consumer", "compute"})
    if (has(role.attributes, kind)) return kind;
  return {};
}

bool opens_block(const Op& op) { return has_trait(op, kBlock); }

bool moves_tile(const Op& op) { return has_trait(op, kMovesTile); }

const Operand& global_operand(const Op& op) {
  return *std::find_if(op.operands.begin(), op.operands.end(),
                       [](const Operand& operand) { return operand.space == Space::global; });
}

bool is_branch(const Op& op) { return has_trait(op, kBranch); }

bool waits_inside(const Op& op) { return op.name == "any_above" || has(op.attributes, "cold"); }

bool conflict(const Op& a, const Op& b) {
  const RegisterUse first = register_use(a), second = register_use(b);
  const auto inside = [](const std::vector<Op>& body, const Op& other) {
    return std::any_of(body.begin(), body.end(), [&](const Op& inner) { return conflict(inner, other); });
  };
  return touches(first.writes, second) || touches(second.writes, first) || stores_for(a, b) ||
         stores_for(b, a) || inside(a.body, b) || inside(b.body, a);
}

}  // namespace warpfinch::ir
