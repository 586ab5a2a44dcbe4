// walk: how blocks come to their tiles, as ops. The grid's axes become integers that are decoded from the
// number of a tile; around each role's body stand the walk over tiles (a block per tile, in serpentine, by
// clusters, from a list, claimed), the second try of tiles that `redo` marks, and the guard of a producer
// whose leader does all; in front of the roles the barriers are initialised, and each role takes its
// registers and opens its turns. Requires: shared memory laid out. Leaves: a `launch`, of which each op is
// one line of CUDA.
#include "generator/lower/walk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/balance.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/text.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

using Body = std::vector<Op>;

void append(Body& body, Body more) {
  body.insert(body.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Attributes number(std::string_view name, int64_t value) {
  return {{std::string(name), number_to_text(value)}};
}

Op block(std::string name, std::vector<Operand> operands, Body body, Attributes attributes = {}) {
  Op result = op(std::move(name), std::move(operands), std::move(attributes));
  result.body = std::move(body);
  return result;
}

// What the pass adds stands at the line of what it belongs to.
void put_lines(Op& op, int line) {
  if (op.line == 0) op.line = line;
  for (Op& inner : op.body) put_lines(inner, op.line);
}

// --- names -----------------------------------------------------------------------------------------------
// What the pass adds is called so that it hides no name of the program.
std::string fresh(const Program& program, const std::string& wanted) {
  std::set<std::string> taken = names_in(program.body);
  walk(program.body, [&](const Op& op) {
    for (const Range& range : op.ranges) taken.insert(range.name);
  });
  if (const auto retry = attribute(program.body[0].attributes, "retry")) taken.insert(*retry);
  std::string name = wanted;
  for (int i = 2; taken.contains(name); ++i) name = wanted + number_to_text(i);
  return name;
}

// --- axes ------------------------------------------------------------------------------------------------
// The integers of an axis from its place among its values.
Op axis(const Op& grid, const Range& range, Expr place) {
  if (attribute(grid.attributes, "descending") == range.name) place = axis_count(range) - 1 - place;
  return let(range.name, place * range.step + range.begin);
}

// `group` rows of tiles at a time, so that blocks that run together share columns in L2.
Body bands(const Program& program, const Expr& tile) {
  const Op& grid = program.body[0];
  const Range &row = grid.ranges[grid.ranges.size() - 2], &column = grid.ranges.back();
  const int64_t rows = axis_count(row), columns = axis_count(column);
  const int64_t height = integer(grid.attributes, "group", 1);
  const std::string in_plane = fresh(program, "in_plane"), in_band = fresh(program, "in_band"),
                    band = fresh(program, "band"), band_height = fresh(program, "band_height");
  return {let(in_plane, tile % (rows * columns)),
          let(in_band, symbol(in_plane) % (height * columns)),
          let(band, symbol(in_plane) / (height * columns) * height),
          let(band_height, min(rows - symbol(band), height)),
          axis(grid, row, symbol(band) + symbol(in_band) % symbol(band_height)),
          axis(grid, column, symbol(in_band) / symbol(band_height))};
}

// All axes: the last one fastest, or the last two in bands.
Body decoded(const Program& program, const Expr& tile) {
  const Op& grid = program.body[0];
  const bool banded = integer(grid.attributes, "group", 1) > 1 && grid.ranges.size() >= 2;
  Body body = banded ? bands(program, tile) : Body{};
  int64_t stride = 1;
  for (size_t i = grid.ranges.size(); i-- > 0;) {
    const int64_t count = axis_count(grid.ranges[i]);
    const bool in_band = banded && i + 2 >= grid.ranges.size();
    const Expr over = tile / stride;
    if (!in_band) body.push_back(axis(grid, grid.ranges[i], i == 0 && count > 1 ? over : over % count));
    stride *= count;
  }
  for (Op& op : body) put_lines(op, grid.line);
  return body;
}

// A grid of one axis, the tiles, from which each role decodes the others.
Program with_decoded_axes(const Program& program) {
  Program result = program;
  Op& grid = result.body[0];
  const std::string tile = fresh(program, "tile");
  const Body axes = decoded(program, symbol(tile));
  grid.ranges = {{tile, 0, tile_count(program.body[0])}};
  remove(grid.attributes, "group");
  remove(grid.attributes, "descending");
  for (Op& role : grid.body) {
    role.body.insert(role.body.begin(), axes.begin(), axes.end());
    fold_lets(role.body);
  }
  return result;
}

// --- the frame around the tiles --------------------------------------------------------------------------
bool has_op(const Body& body, std::string_view name) {
  bool found = false;
  walk(body, [&](const Op& op) { found |= op.name == name; });
  return found;
}

class Frame {
 public:
  Frame(const Program& program, const Target& target)
      : program_(program),
        grid_(program.body[0]),
        retry_(attribute(grid_.attributes, "retry")),
        threads_(integer(program.attributes, "threads", 0)),
        launched_registers_(
            launch_registers(threads_, integer(program.attributes, "ctas_per_sm", 1), target)),
        again_(claims_tiles(grid_) ? fresh(program, "again") : retry_.value_or("")) {}

  Op launch() const {
    const bool listed = lists_tiles(grid_);
    Op result = op("launch", {}, number("tiles", listed ? integer(grid_.attributes, "lists", 1) : tiles()));
    if (is_persistent(grid_) && !listed) set(result.attributes, "resident");
    if (cluster() > 1) set(result.attributes, "cluster", number_to_text(cluster()));
    append(result.body, objects());
    append(result.body, initialisation());
    append(result.body, numbers());
    for (const Op& own : grid_.body) result.body.push_back(role(own));
    // No block ends while others of its cluster still arrive at its barriers.
    if (cluster() > 1) result.body.push_back(op("cluster_sync", {}));
    put_lines(result, grid_.line);
    return result;
  }

 private:
  int64_t tiles() const { return tile_count(grid_); }
  int64_t cluster() const { return cluster_blocks(grid_); }
  Expr again() const { return retry_ ? symbol(again_) : Expr(0); }
  Expr second_try() const { return operation("!=", symbol(again_), 0); }
  Expr round() const { return is_persistent(grid_) ? symbol("walk.round") : Expr(0); }

  // --- in front of the roles ---
  Body objects() const {
    Body body;
    const int64_t end = integer(program_.attributes, "shared_bytes", 0);
    const auto at = [](int64_t offset) { return expr(symbol("shared.base") + offset); };
    if (claims_tiles(grid_))
      body.push_back(
          op("claims", {expr(tiles()), at(end - walk_bytes(grid_))}, number("kept", kept_claims(grid_))));
    if (retry_)
      body.push_back(cluster() > 1
                         ? op("cluster_redo_mask", {at(end - kRetryBytes)}, number("cluster", cluster()))
                         : op("redo_mask", {at(end - kRetryBytes)}));
    return body;
  }
  Body initialisation() const {
    Body body;
    for (const Tensor& tensor : program_.tensors) {
      if (tensor.space != Space::shared || !is_ring(program_, tensor.name)) continue;
      body.push_back(op("initialize", {shared(tensor.name), expr(filling_arrivals(program_, tensor.name)),
                                       expr(freeing_arrivals(program_, tensor.name))}));
      body.back().line = line_of(program_, tensor);
    }
    if (claims_tiles(grid_)) body.push_back(op("initialize_claims", {expr(warps_that_read_claims())}));
    if (retry_) body.push_back(op("clear_marks", {}));
    if (body.empty()) return {};
    body.push_back(op("mbarrier_init_fence", {}));
    Op first = block("if", {expr(operation("==", symbol("thread.index"), 0))}, std::move(body));
    return {std::move(first), op(cluster() > 1 ? "cluster_sync" : "block_sync", {})};
  }
  int64_t warps_that_read_claims() const {
    int64_t warps = 0;
    for (const Op& role : grid_.body)
      if (!is_producer(role) || producer_copies(program_)) warps += integer(role.attributes, "warps", 0);
    return warps;
  }
  Body numbers() const {
    Body body;
    if (grid_.body.size() > 1 || names_warps()) body.push_back(let("warp", symbol("warp.index")));
    if (cluster() > 1) body.push_back(let("rank", symbol("block.index") % cluster()));
    return body;
  }
  bool names_warps() const {
    const std::set<std::string> names = names_in(grid_.body);
    return names.contains("warp") || names.contains("warpgroup");
  }

  // --- a role ---
  static bool is_producer(const Op& role) { return has(role.attributes, "producer"); }
  int64_t warpgroups(const Op& role) const { return integer(role.attributes, "warps", 0) / kWarpgroupWarps; }

  Op role(const Op& own) const {
    Op result = own;
    result.body = registers(own);
    if (!is_producer(own)) append(result.body, turns(own));
    Body tiles = walked(own);
    const bool one_thread = is_producer(own) && !producer_copies(program_);
    if (one_thread) tiles = {block("is_leader", {}, std::move(tiles))};
    append(result.body, retry_ ? tried_twice(std::move(tiles)) : std::move(tiles));
    // No thread ends while copies of its own are on their way.
    if (is_producer(own) && has_op(grid_.body, "publish_copies"))
      result.body.push_back(op("cp_async_wait", {}));
    remove(result.attributes, "regs");
    remove(result.attributes, "pingpong");
    put_lines(result, own.line);
    return result;
  }
  Body registers(const Op& role) const {
    const int64_t count = integer(role.attributes, "regs", 0);
    if (count == 0) return {};
    return {
        op(count < launched_registers_ ? "shrink_registers" : "grow_registers", {}, number("count", count))};
  }
  Body turns(const Op& role) const {
    Body body;
    const bool takes_turns = has(role.attributes, "pingpong");
    if (names_in(role.body).contains("warpgroup") || takes_turns || has_op(role.body, "join_warpgroup"))
      body.push_back(let("warpgroup", symbol("warp") / kWarpgroupWarps));
    if (takes_turns) body.push_back(op("pingpong_open", {}, number("warpgroups", warpgroups(role))));
    return body;
  }
  // All tiles, and then those that were marked once more, by the same code.
  Body tried_twice(Body tiles) const {
    tiles.push_back(op("leave", {expr(second_try())}));
    tiles.push_back(op("any_marked", {}, number("threads", threads_)));
    return {for_loop({again_, 0, 2}, std::move(tiles), {{"left_inside", ""}})};
  }
  Body walked(const Op& role) const {
    Body body = head_of_tile(role);
    for (Op& op : body) put_lines(op, grid_.line);
    append(body, role.body);
    walk(body, [&](Op& op) {
      if (op.name == "redo") op.operands = {op.operands[0], expr(round()), expr(symbol(*retry_))};
      if (op.name == "pingpong_pass") set(op.attributes, "warpgroups", number_to_text(warpgroups(role)));
    });
    if (!is_persistent(grid_)) return body;
    Op walk = walk_of(role);
    walk.line = grid_.line;
    walk.body = std::move(body);
    return {std::move(walk)};
  }
  Op walk_of(const Op& role) const {
    if (claims_tiles(grid_)) {
      const char* who = !is_producer(role) ? "reads" : producer_copies(program_) ? "both" : "claims";
      return op("walk_claimed", {expr(again())},
                {{"who", who}, {"kept", number_to_text(kept_claims(grid_))}});
    }
    if (lists_tiles(grid_)) return op("walk_listed", {});
    if (cluster() > 1) return op("walk_by_clusters", {expr(tiles())}, number("cluster", cluster()));
    return op("walk_in_serpentine", {expr(tiles())});
  }
  Body head_of_tile(const Op& role) const {
    Body body;
    if (retry_ && is_persistent(grid_))
      body.push_back(block("if", {expr(second_try())}, {op("is_marked", {expr(round())})}));
    // Where tiles are claimed each of them knows for itself whether it is the second try.
    if (retry_ && claims_tiles(grid_) && asks_for_retry(role))
      body.push_back(let(*retry_, symbol("walk.redone")));
    const Expr own = symbol("block.index") / cluster();
    body.push_back(let(grid_.ranges[0].name, is_persistent(grid_) ? symbol("walk.tile") : own));
    return body;
  }
  bool asks_for_retry(const Op& role) const {
    return has_op(role.body, "redo") || names_in(role.body).contains(*retry_);
  }

  const Program& program_;
  const Op& grid_;
  const std::optional<std::string> retry_;  // the name that is 1 when tiles are done again
  const int64_t threads_, launched_registers_;
  const std::string again_;  // counts the walks
};

// The tiles of each block.
Op tile_lists(const Program& program) {
  Op lists = op("tile_lists", {});
  const int64_t count = integer(program.body[0].attributes, "lists", 1);
  for (const std::vector<int64_t>& list : balanced_lists(tile_costs(program), count))
    lists.body.push_back(op("tile_list", {}, {{"of", list_text(list)}}));
  put_lines(lists, program.body[0].line);
  return lists;
}

}  // namespace

Op launch_of(const Program& program, const Target& target) { return Frame(program, target).launch(); }

std::optional<Rejection> check_blocks(const Op& grid) {
  constexpr int64_t kMaxBlocks = 2147483647;  // of gridDim.x, and what int tile numbers hold
  const int64_t tiles = tile_count(grid), blocks = cluster_blocks(grid);
  if (tiles <= kMaxBlocks / blocks) return std::nullopt;
  return Rejection{"verify", fmt::format("{} tiles of {} blocks; a grid has at most {} blocks", tiles, blocks,
                                         kMaxBlocks)};
}

Lowered walk_tiles(const Program& program, const Target& target) {
  if (auto rejection = check_blocks(program.body[0])) return *rejection;
  Program result = program;
  result.body = {launch_of(with_decoded_axes(program), target)};
  if (lists_tiles(program.body[0])) result.body.insert(result.body.begin(), tile_lists(program));
  return result;
}

}  // namespace warpfinch::lower
