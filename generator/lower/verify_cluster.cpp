// What the blocks of a cluster do together. A stage of a multicast ring is full when every block has brought
// its part, and free when the consumers of every block have released it: so all of them walk over the ring
// equally often, and load the same place.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/uniformity.hpp"
#include "generator/lower/verify_rules.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

constexpr int64_t kSwizzleRows = 8;  // the swizzle's pattern repeats

bool holds_multicast(const Op& op) {
  return has(op.attributes, "multicast") || std::any_of(op.body.begin(), op.body.end(), holds_multicast);
}

std::optional<Rejection> check_parts(const Program& program, const Op& load) {
  const Operand& place = load.operands[0];
  const int64_t blocks = integer(load.attributes, "multicast", 1);
  const int64_t cluster = cluster_blocks(program.body[0]);
  if (place.space != Space::shared) return refuse(load, "multicast= fills shared tiles");
  if (attribute(load.attributes, "via") != "tma")
    return refuse(load, "multicast= is for the copy engine, which only via=tma asks");
  if (blocks != cluster)
    return refuse(load, fmt::format("multicast={}, but its cluster has {} blocks", blocks, cluster));
  const int64_t rows = value(find(program, Space::shared, place.name)->shape[0]);
  if (rows % (blocks * kSwizzleRows) == 0) return std::nullopt;
  return refuse(load,
                fmt::format("${} has {} rows; {} blocks bring equal parts of whole swizzles, {} rows each",
                            place.name, rows, blocks, kSwizzleRows));
}

// Loops, branches and places in which blocks could differ.
std::optional<Rejection> check_together(const Program& program, const std::vector<Op>& body, Uneven uneven) {
  const bool shares = std::any_of(body.begin(), body.end(), holds_multicast);
  for (const Op& op : body) {
    uneven.note(op);
    const bool steers = op.name == "leave" ? shares : op.name != "let" && holds_multicast(op);
    if (steers && uneven.depends(op))
      return refuse(op, "depends on `rank`, but all blocks of the cluster load here together");
    if (has(op.attributes, "multicast"))
      if (auto rejection = check_parts(program, op)) return rejection;
    if (auto rejection = check_together(program, op.body, uneven)) return rejection;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Rejection> check_clusters(const Program& program, const Target&) {
  for (const Op& role : program.body[0].body)
    if (auto rejection = check_together(program, role.body, Uneven({"rank"}))) return rejection;
  std::optional<Rejection> found;
  walk(program.body, [&](const Op& op) {
    if (found || op.name != "load" || op.operands[0].space != Space::shared) return;
    const int64_t own = integer(op.attributes, "multicast", 1);
    if (own != multicast_of(program, op.operands[0].name))
      found = refuse(op, fmt::format("ring ${} is filled with multicast=… and without", op.operands[0].name));
  });
  return found;
}

}  // namespace warpfinch::lower
