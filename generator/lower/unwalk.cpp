// From a launch back to a grid of one axis, so that the rules about scheduled programs hold for walked ones:
// what stands around a role's tiles becomes attributes again. Whether it stood there as the pass writes it
// shows when the pass writes it anew (verify_walk.cpp).
#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/verify_rules.hpp"
#include "generator/lower/walk.hpp"
#include "generator/text.hpp"

namespace warpfinch::lower {

using namespace ir;

bool is_walked(const Program& program) {
  return std::any_of(program.body.begin(), program.body.end(),
                     [](const Op& op) { return op.name == "launch"; });
}

const Op& launch_of(const Program& walked) {
  return *std::find_if(walked.body.begin(), walked.body.end(),
                       [](const Op& op) { return op.name == "launch"; });
}

namespace {

using Body = std::vector<Op>;

const Op* find_op(const Body& body, std::string_view name) {
  const auto found = std::find_if(body.begin(), body.end(), [&](const Op& op) { return op.name == name; });
  return found == body.end() ? nullptr : &*found;
}

bool is_tries(const Op& op) { return op.name == "for" && find_op(op.body, "any_marked"); }

// The ops around its tiles: the second try, the leader's guard, the walk; the innermost one's body.
const Body& body_of_tile(const Body& body) {
  for (const Op& op : body)
    if (is_tries(op) || op.name == "is_leader" || has_trait(op, kWalk)) return body_of_tile(op.body);
  return body;
}

bool names_tile(const Op& op) {
  if (op.name != "let") return false;
  const std::set<std::string> names = names_in(op);
  return names.contains("walk.tile") || names.contains("block.index");
}

// Without what stands behind the tile where no op holds the tile alone.
void drop_end(Body& body) {
  while (!body.empty() && (body.back().name == "cp_async_wait" || body.back().name == "any_marked")) {
    const bool tries = body.back().name == "any_marked";
    body.pop_back();
    if (tries && !body.empty() && body.back().name == "leave") body.pop_back();
  }
}

// One role; `grid` learns what the tile and the second try are called.
Expected<Op> unwalked(const Op& role, Op& grid) {
  Op result = role;
  for (const Op& op : role.body) {
    if (op.name == "grow_registers" || op.name == "shrink_registers")
      set(result.attributes, "regs", attribute(op.attributes, "count").value_or("0"));
    if (op.name == "pingpong_open") set(result.attributes, "pingpong");
    if (is_tries(op) && !has(grid.attributes, "retry")) set(grid.attributes, "retry", op.ranges[0].name);
  }
  const Body& body = body_of_tile(role.body);
  const auto tile = std::find_if(body.begin(), body.end(), names_tile);
  if (tile == body.end())
    return refuse(role, "does not say which tile it does: a `let` of walk.tile or block.index");
  grid.ranges[0].name = tile->ranges[0].name;
  for (const Op& op : Body(body.begin(), tile))
    if (op.name == "let" && names_in(op).contains("walk.redone"))
      set(grid.attributes, "retry", op.ranges[0].name);
  result.body.assign(tile + 1, body.end());
  drop_end(result.body);
  return result;
}

}  // namespace

Expected<Program> unwalked(const Program& walked) {
  const Op& launch = launch_of(walked);
  Program result = walked;
  Op grid = op("grid", {});
  grid.line = launch.line;
  grid.ranges = {{"tile", 0, integer(launch.attributes, "tiles", 1)}};
  const Op* lists = find_op(walked.body, "tile_lists");
  const Op* claims = find_op(launch.body, "claims");
  set(grid.attributes, "tile_order",
      claims                               ? "dynamic"
      : lists                              ? "balanced"
      : has(launch.attributes, "resident") ? "static"
                                           : "flat");
  if (lists) {
    set(grid.attributes, "lists", number_to_text(static_cast<int64_t>(lists->body.size())));
    int64_t tiles = 0;
    for (const Op& list : lists->body)
      tiles += static_cast<int64_t>(integer_list(attribute(list.attributes, "of").value_or("[]")).size());
    grid.ranges[0].end = tiles;
  }
  if (const auto cluster = attribute(launch.attributes, "cluster")) set(grid.attributes, "cluster", *cluster);
  for (const Op& op : launch.body) {
    if (op.name != "role") continue;
    auto role = unwalked(op, grid);
    if (!role) return role.rejection();
    grid.body.push_back(std::move(*role));
  }
  result.body = {std::move(grid)};
  return result;
}

}  // namespace warpfinch::lower
