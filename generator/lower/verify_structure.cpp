// The tree of ops and the sizes of declarations: what passes and emitter take for granted. Before roles stand
// only bodies and sizes are checked.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/balance.hpp"
#include "generator/lower/guard.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/verify_rules.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

constexpr int64_t kMaxTileExtent = 65536;
// Elements of a tile and of a param, as a power of two: small enough that sums of their bytes fit into 64
// bits.
constexpr int kMaxTile = 24, kMaxParam = 60;
constexpr int64_t kProducerWarps = 4;  // one leader, and 128 arrivals where its threads copy

std::optional<Rejection> check_sizes(const Tensor& tensor) {
  const int most = tensor.space == Space::global ? kMaxParam : kMaxTile;
  int64_t elements = 1;
  for (const Expr& extent : tensor.shape) {
    if (!is_constant(extent)) continue;
    if (tensor.space != Space::global && value(extent) > kMaxTileExtent)
      return Rejection{"verify",
                       fmt::format("{}{} has an extent of {}; a tile has at most {}", sigil(tensor.space),
                                   tensor.name, value(extent), kMaxTileExtent)};
    if (__builtin_mul_overflow(elements, value(extent), &elements) || elements > int64_t{1} << most)
      return Rejection{
          "verify", fmt::format("{}{} has more than 2^{} elements", sigil(tensor.space), tensor.name, most)};
  }
  return std::nullopt;
}

std::optional<Rejection> check_bodies(const std::vector<Op>& body, const std::string& parent) {
  for (const Op& op : body) {
    if (!opens_block(op) && !op.body.empty()) return refuse(op, "takes no body");
    if (op.name == "grid" && !parent.empty()) return refuse(op, "a grid stands alone at the top");
    if (op.name == "role" && parent != "grid") return refuse(op, "roles stand directly in the grid");
    if (auto rejection = check_bodies(op.body, op.name)) return rejection;
  }
  return std::nullopt;
}

// May a single warp decide whether the op runs? Not if others wait for it, or if a warpgroup runs it
// together. Registers belong to one warp, and so do its wait for an mma and what arithmetic reads in global
// memory.
bool is_warps_own(const Op& op) {
  const Group group = find_op(op.name)->group;
  if (group == Group::mma || op.name == "leave") return false;
  if (group == Group::synchronisation && op.name != "wait_mma") return false;
  return std::all_of(op.operands.begin(), op.operands.end(), [&](const Operand& operand) {
    return operand.kind != Operand::Kind::tensor || operand.space == Space::register_ ||
           (operand.space == Space::global && group == Group::arithmetic);
  });
}

std::optional<Rejection> check_votes(const std::vector<Op>& body) {
  std::optional<Rejection> found;
  walk(body, [&](const Op& vote) {
    if (vote.name != "any_above") return;
    walk(vote.body, [&](const Op& op) {
      if (!found && !is_warps_own(op))
        found = refuse(op, fmt::format("stands under '{}', which each warp decides for itself; there only "
                                       "registers may be touched, and an mma waited for",
                                       print_head(vote)));
    });
  });
  return found;
}

// Lists of tiles are of some length, and few enough to write down.
std::optional<Rejection> check_lists(const Op& grid) {
  const int64_t lists = integer(grid.attributes, "lists", 0);
  if (lists_tiles(grid) != (lists > 0))
    return refuse(grid, "tile_order=balanced and lists=N, the number of blocks, need each other");
  const bool counted = std::all_of(grid.ranges.begin(), grid.ranges.end(), [](const Range& range) {
    return is_constant(range.begin) && is_constant(range.end) && is_constant(range.step);
  });
  if (lists == 0 || !counted) return std::nullopt;
  const int64_t tiles = tile_count(grid);
  if (has(grid.attributes, "group")) return refuse(grid, "group=N is no order within lists");
  if (lists > tiles || tiles > kMostListed)
    return refuse(grid, fmt::format("lists={} of {} tiles; 1 to {} tiles, and no more lists than tiles",
                                    lists, tiles, kMostListed));
  return std::nullopt;
}

// Hints of the walk over tiles name what is there.
std::optional<Rejection> check_walk(const Op& grid, const Target& target) {
  const auto last = attribute(grid.attributes, "descending");
  const bool known = std::any_of(grid.ranges.begin(), grid.ranges.end(),
                                 [&](const Range& range) { return range.name == last; });
  if (last && !known) return refuse(grid, fmt::format("descending={} is none of its axes", *last));
  if (integer(grid.attributes, "group", 1) > 1 && grid.ranges.size() < 2)
    return refuse(grid, fmt::format("group={} needs two axes", integer(grid.attributes, "group", 1)));
  const int64_t cluster = cluster_blocks(grid);
  if (cluster > target.max_cluster)
    return refuse(
        grid, fmt::format("cluster={}: at most {} blocks on {}", cluster, target.max_cluster, target.name));
  if (cluster > 1 && claims_tiles(grid))
    return refuse(grid,
                  fmt::format("cluster={} with tile_order=dynamic: each of its blocks would claim a tile "
                              "of its own",
                              cluster));
  if (cluster > 1 && lists_tiles(grid))
    return refuse(grid,
                  fmt::format("cluster={} with tile_order=balanced: each of its blocks would have a list "
                              "of its own",
                              cluster));
  return check_lists(grid);
}

// --- roles -----------------------------------------------------------------------------------------------
bool is_producer(const Op& role) { return has(role.attributes, "producer"); }

std::optional<Rejection> check_role(const Op& role) {
  const int kinds =
      has(role.attributes, "producer") + has(role.attributes, "consumer") + has(role.attributes, "compute");
  if (kinds != 1) return refuse(role, "a role is one of producer, consumer, compute");
  const int64_t warps = integer(role.attributes, "warps", 0);
  if (warps < 1 || warps > 32) return refuse(role, fmt::format("warps={}: 1 to 32", warps));
  if (is_producer(role) && warps != kProducerWarps)
    return refuse(role, fmt::format("a producer has {} warps, not {}", kProducerWarps, warps));
  return std::nullopt;
}

// Producers only fill rings; the others never do.
std::optional<Rejection> check_belongs(const std::vector<Op>& body, bool producer) {
  for (const Op& op : body) {
    const bool fills = has_trait(op, kFillsRing) || is_async_load(op);
    const bool neutral = find_op(op.name)->group == Group::structure;
    if (!neutral && fills != producer)
      return refuse(op, producer ? "a producer only fills rings" : "only a producer fills rings");
    if (auto rejection = check_belongs(op.body, producer)) return rejection;
  }
  return std::nullopt;
}

// Tiles that are claimed or done again are agreed upon by consumers and their producer.
std::optional<Rejection> check_shared_walk(const Program& program) {
  const Op& grid = program.body[0];
  std::optional<Rejection> found;
  walk(grid.body, [&](const Op& op) {
    if (op.name == "redo" && !has(grid.attributes, "retry"))
      found = refuse(op, "its grid names no retry=…, which tells the second try from the first");
    if (op.name == "role" && has(op.attributes, "compute") && has(grid.attributes, "retry"))
      found = refuse(op, "retry needs a consumer and its producer");
    if (op.name == "role" && has(op.attributes, "compute") && claims_tiles(grid))
      found = refuse(op, "tile_order=dynamic needs a producer, which claims the tiles");
    if (op.name == "role" && has(op.attributes, "compute") && cluster_blocks(grid) > 1)
      found = refuse(op, "a cluster needs a producer, which loads for all of its blocks");
  });
  return found;
}

std::optional<Rejection> check_pingpong_role(const Op& role, const Target& target) {
  bool uses = false;
  walk(role.body, [&](const Op& op) { uses |= op.name.starts_with("pingpong_"); });
  const bool marked = has(role.attributes, "pingpong");
  if (uses && !marked) return refuse(role, "takes turns, but is not marked `pingpong`");
  const int64_t warps = integer(role.attributes, "warps", 0), groups = warps / kWarpgroupWarps;
  if (marked && groups < 2)
    return refuse(role, fmt::format("a turn needs at least {} warps, it has {}", 2 * kWarpgroupWarps, warps));
  if (marked && groups >= target.named_barriers)
    return refuse(role,
                  fmt::format("a turn takes a named barrier per warpgroup; {} has {} beside that of the "
                              "block, the role has {} warpgroups",
                              target.name, target.named_barriers - 1, groups));
  return std::nullopt;
}

// Rows of the register tiles: a warpgroup's with mma ops, else those of all warps.
std::optional<Rejection> check_rows(const Program& program, const Op& role, const Target& target) {
  bool has_mma = false;
  walk(role.body, [&](const Op& op) { has_mma |= op.name == "mma"; });
  const int64_t warps = integer(role.attributes, "warps", 0);
  if (has_mma && warps % kWarpgroupWarps != 0)
    return refuse(
        role, fmt::format("mma takes whole warpgroups of {} warps, the role has {}", kWarpgroupWarps, warps));
  const int64_t rows = has_mma ? warpgroup_rows(target) : warps * warp_rows(target);
  for (const Tensor& tensor : program.tensors)
    if (tensor.space == Space::register_ && !has(tensor.attributes, "columns") &&
        value(tensor.shape[0]) != rows)
      return Rejection{"verify", fmt::format("%{} has {} rows; the role's {} warps hold {}", tensor.name,
                                             value(tensor.shape[0]), warps, rows)};
  return std::nullopt;
}

std::optional<Rejection> check_roles(const Program& program, const Target& target) {
  const std::vector<Op>& roles = program.body[0].body;
  int64_t warps = 0;
  for (size_t i = 0; i < roles.size(); ++i) {
    const Op& role = roles[i];
    if (role.name != "role") return refuse(role, "stands beside roles; it belongs into one");
    if (auto rejection = check_role(role)) return rejection;
    // Warp numbers count from the first role; rings count the warps of consumers.
    if (is_producer(role) != (i > 0)) return refuse(role, "producers stand behind one other role");
    if (roles.size() > 1 && has(role.attributes, "compute"))
      return refuse(role, "beside a producer stands a consumer");
    if (auto rejection = check_belongs(role.body, is_producer(role))) return rejection;
    if (auto rejection = check_pingpong_role(role, target)) return rejection;
    warps += integer(role.attributes, "warps", 0);
  }
  const int64_t threads = integer(program.attributes, "threads", 0);
  if (threads != kWarpThreads * warps)
    return Rejection{"verify", fmt::format("kernel {}: threads={}, but its roles have {} warps: threads={}",
                                           program.name, threads, warps, kWarpThreads * warps)};
  return std::nullopt;
}

bool has_numbers(const Program& program) {
  return std::all_of(program.tensors.begin(), program.tensors.end(), [](const Tensor& tensor) {
    return std::all_of(tensor.shape.begin(), tensor.shape.end(), is_constant);
  });
}

}  // namespace

std::optional<Rejection> check_structure(const Program& program, const Target& target) {
  for (const Tensor& tensor : program.tensors)
    if (auto rejection = check_sizes(tensor)) return rejection;
  if (auto rejection = check_bodies(program.body, "")) return rejection;
  if (auto rejection = check_votes(program.body)) return rejection;
  if (auto rejection = check_walk(program.body[0], target)) return rejection;
  if (auto rejection = check_shared_walk(program)) return rejection;
  if (!has_roles(program)) return std::nullopt;
  if (auto rejection = check_roles(program, target)) return rejection;
  return has_numbers(program) ? check_rows(program, program.body[0].body[0], target) : std::nullopt;
}

}  // namespace warpfinch::lower
