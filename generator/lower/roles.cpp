// roles: divides the grid's body between a producer warpgroup, which keeps the loads into shared memory, and
// the consumers, which keep everything else. Every loaded tile becomes a ring: the producer acquires a free
// stage and loads it, the consumers wait until it is full and release it behind the last op that uses it.
// Consumers with mma ops are warpgroups: their register tiles shrink to the rows of one (64), row coordinates
// gain `warpgroup * 64`, and shared operands that hold rows are sliced. Where a loop tells each warpgroup's
// own bounds, consumers walk to these and skip what is left (own_extents.cpp). A program without loads into
// shared memory gets one role. What cp.async brought is fenced behind its wait where an mma reads it.
// Requires: `via` on loads and stores. Leaves: roles, rings, register budgets, threads.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/guard.hpp"
#include "generator/lower/own_extents.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/register_budget.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/text.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

constexpr const char* kStage = "roles";

bool contains_async_load(const Op& op) {
  if (is_async_load(op)) return true;
  return std::any_of(op.body.begin(), op.body.end(), contains_async_load);
}

// --- lets that nothing uses ------------------------------------------------------------------------------
void drop_unused_lets(std::vector<Op>& body) {
  for (size_t i = body.size(); i-- > 0;) {
    drop_unused_lets(body[i].body);
    if (body[i].name != "let") continue;
    const auto behind = body.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    if (!names_in({behind, body.end()}).contains(body[i].ranges[0].name)) body.erase(body.begin() + i);
  }
}

// --- the producer ----------------------------------------------------------------------------------------
std::vector<Op> producer_body(const Program& program, const std::vector<Op>& body) {
  std::vector<Op> result;
  for (const Op& op : body) {
    if (op.name == "let" || op.name == "leave") result.push_back(op);
    if (is_async_load(op)) {
      const Operand tile = shared(op.operands[0].name);
      const std::string via = attribute(op.attributes, "via").value_or("");
      const bool tma = via == "tma";
      const Tensor& place = *find(program, Space::shared, tile.name);
      const int64_t bytes = value(place.shape[0]) * value(place.shape[1]) * size_of(place.type);
      result.push_back(
          ir::op("acquire", {tile}, tma ? Attributes{{"bytes", number_to_text(bytes)}} : Attributes{}));
      result.push_back(op);
      if (!tma) result.push_back(ir::op(via == "cp_async" ? "publish_copies" : "publish", {tile}));
      result.push_back(ir::op("advance", {tile}));
    } else if (contains_async_load(op)) {
      Op kept = op;
      remove(kept.attributes, "own");
      kept.body = producer_body(program, op.body);
      result.push_back(std::move(kept));
    }
  }
  return result;
}

// --- the consumers ---------------------------------------------------------------------------------------
Expr offset_row(const Expr& row, const char* unit, int64_t rows) { return row + symbol(unit) * rows; }

void slice(Operand& operand, const char* unit) { operand.index = {symbol(unit)}; }

// Which extent of operand i, a place in global memory, holds the tile's rows, counted from the last one? None
// does where a copy moves one value per column, or an op reads what all rows share.
std::optional<size_t> row_extent(const Program& program, const Op& op, size_t i) {
  if (!moves_tile(op))
    return operand_info(*find_op(op.name), i).kinds & kRowPlace ? std::optional<size_t>(2) : std::nullopt;
  const unsigned other = kind_of(program, op.operands[1 - i]);
  if (other == kColumns) return std::nullopt;
  return other == kRows ? 1 : 2;
}

// Row coordinates of one op, for a warpgroup's rows (TMA stores: for a warp's).
void place_rows(const Program& program, Op& op, const Target& target) {
  const OpInfo& info = *find_op(op.name);
  const bool tma_store = op.name == "store" && op.operands[1].space == Space::shared;
  for (size_t i = 0; i < op.operands.size(); ++i) {
    Operand& operand = op.operands[i];
    if (operand.kind == Operand::Kind::expr && operand_info(info, i).kinds & kRowIndex)
      operand.expr = offset_row(operand.expr, "warpgroup", warpgroup_rows(target));
    if (operand.kind != Operand::Kind::tensor) continue;
    const bool a_of_mma = op.name == "mma" && i == 1;
    if (operand.space == Space::shared && (a_of_mma || op.name == "copy")) slice(operand, "warpgroup");
    // Its columns are the rows of the product.
    if (operand.transposed && a_of_mma) operand.index.insert(operand.index.begin(), Expr{0});
    if (operand.space == Space::shared && tma_store) slice(operand, "warp");
    const auto extent = operand.space == Space::global ? row_extent(program, op, i) : std::nullopt;
    if (!extent) continue;
    Expr& row = operand.index[operand.index.size() - *extent];
    row = tma_store ? offset_row(row, "warp", warp_rows(target))
                    : offset_row(row, "warpgroup", warpgroup_rows(target));
  }
}

// One warpgroup holds all rows, yet its warps store only their own: nothing orders them among each other.
void divide_stores(const Program& program, std::vector<Op>& consumer, const Target& target) {
  walk(consumer, [&](Op& op) {
    if (op.name == "store" && op.operands[1].space == Space::shared) place_rows(program, op, target);
  });
}

void distribute(Program& program, std::vector<Op>& consumer, const Target& target) {
  walk(consumer, [&](Op& op) {
    if (find_op(op.name)->group != Group::structure && find_op(op.name)->group != Group::synchronisation)
      place_rows(program, op, target);
  });
  for (Tensor& tensor : program.tensors)
    if (tensor.space == Space::register_ && !has(tensor.attributes, "columns"))
      tensor.shape[0] = warpgroup_rows(target);
}

// --- registers and threads -------------------------------------------------------------------------------
// Rows of the register tiles, which all warps of the role share; 0 where they disagree.
int64_t register_rows(const Program& program) {
  int64_t rows = -1;
  for (const Tensor& tensor : program.tensors) {
    if (tensor.space != Space::register_ || has(tensor.attributes, "columns")) continue;
    if (rows >= 0 && rows != value(tensor.shape[0])) return 0;
    rows = value(tensor.shape[0]);
  }
  return std::max<int64_t>(rows, 0);
}

// Who brings the tiles: the one that does the most of it for a copy.
Copier copier_of(const Program& program) {
  if (any_filled_via(program, "ld")) return Copier::threads;
  return any_filled_via(program, "cp_async") ? Copier::async : Copier::engine;
}

Op role(const char* name, int64_t warps, int64_t registers, std::vector<Op> body) {
  Op result = op("role", {}, {{name, ""}, {"warps", number_to_text(warps)}});
  if (registers > 0) set(result.attributes, "regs", number_to_text(registers));
  result.body = std::move(body);
  return result;
}

Op& grid_of(Program& program) {
  return *std::find_if(program.body.begin(), program.body.end(),
                       [](const Op& op) { return op.name == "grid"; });
}

Lowered one_role(Program program, int64_t rows, const Target& target) {
  const int64_t warps = rows / warp_rows(target);
  Op& grid = grid_of(program);
  drop_unused_lets(grid.body);
  grid.body = {role("compute", warps, 0, std::move(grid.body))};
  set(program.attributes, "threads", number_to_text(warps * kWarpThreads));
  remove(program.attributes, "producer_regs");
  return program;
}

Lowered two_roles(Program program, int64_t rows, bool has_mma, const Target& target) {
  RoleShares shares{.blocks = integer(program.attributes, "ctas_per_sm", 1),
                    .copier = copier_of(program),
                    .producer_regs = integer(program.attributes, "producer_regs", 0)};
  Op& grid = grid_of(program);
  std::vector<Op> producer = producer_body(program, grid.body), consumer = std::move(grid.body);
  if (auto rejection = guard_rings(program, consumer)) return *rejection;
  walk_own_extents(consumer);
  drop_unused_lets(producer);
  drop_unused_lets(consumer);
  const int64_t warps = rows / warp_rows(target), group = warpgroup_rows(target);
  if (has_mma && rows % group != 0)
    return Rejection{
        kStage,
        fmt::format("register tiles of {} rows; warpgroups with mma ops want a multiple of {}", rows, group)};
  if (has_mma && rows > group)
    distribute(program, consumer, target);
  else
    divide_stores(program, consumer, target);
  // Budgets only where every role is whole warpgroups.
  const bool whole = warps % kWarpgroupWarps == 0;
  if (whole) shares.consumers = warps / kWarpgroupWarps;
  if (auto reason = why_not_kept(shares, target)) return Rejection{kStage, *reason};
  const RegisterBudget budget = whole ? register_budget(shares, target) : RegisterBudget{};
  remove(program.attributes, "producer_regs");
  grid.body = {role("consumer", warps, budget.consumer, std::move(consumer)),
               role("producer", kWarpgroupWarps, budget.producer, std::move(producer))};
  // Which asks the whole program what fills a tile.
  if (target.mma.asynchronous) fence_copies(program, grid.body[0].body);
  set(program.attributes, "threads", number_to_text((warps + kWarpgroupWarps) * kWarpThreads));
  return program;
}

}  // namespace

Lowered roles(const Program& program, const Target& target) {
  const int64_t rows = register_rows(program);
  if (rows == 0 || rows % warp_rows(target) != 0)
    return Rejection{kStage, fmt::format("register tiles must share one number of rows, a multiple of {}",
                                         warp_rows(target))};
  bool has_mma = false, has_loads = false;
  walk(program.body, [&](const Op& op) {
    has_mma |= op.name == "mma";
    has_loads |= is_async_load(op);
  });
  return has_loads ? two_roles(program, rows, has_mma, target) : one_role(program, rows, target);
}

}  // namespace warpfinch::lower
