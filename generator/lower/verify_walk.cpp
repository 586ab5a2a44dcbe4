// A walked program is what the pass `walk` would write around the bodies of its roles: barriers are
// initialised for those who arrive at them, all roles walk over the same tiles in one order, claims are read
// by as many warps as they wait for. How a role decodes its axes from a tile's number is its own affair.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/verify_rules.hpp"
#include "generator/lower/walk.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

constexpr int64_t kEndOfList = 0xffff;

// Every tile stands in one list, once.
std::optional<Rejection> check_tile_lists(const Op& lists) {
  std::vector<int64_t> tiles;
  for (const Op& list : lists.body) {
    if (list.name != "tile_list") return refuse(list, "stands among lists of tiles");
    const std::vector<int64_t> own = integer_list(attribute(list.attributes, "of").value_or("[]"));
    if (own.empty()) return refuse(list, "a block with 0 tiles");
    tiles.insert(tiles.end(), own.begin(), own.end());
  }
  std::sort(tiles.begin(), tiles.end());
  const auto count = static_cast<int64_t>(tiles.size());
  for (int64_t i = 0; i < count; ++i)
    if (tiles[static_cast<size_t>(i)] != i)
      return refuse(lists, fmt::format("lists {} tiles, and not each of 0 to {} once", count, count - 1));
  return count < kEndOfList
             ? std::nullopt
             : std::optional(refuse(lists, fmt::format("lists {} tiles, at most {}", count, kEndOfList - 1)));
}

// Heads only: bodies follow line by line.
std::optional<Rejection> compare(const Op& op, const Op& wanted) {
  if (print_head(op) != print_head(wanted))
    return refuse(op, fmt::format("stands where its walk over tiles has '{}'", print_head(wanted)));
  for (size_t i = 0; i < std::max(op.body.size(), wanted.body.size()); ++i) {
    if (i >= op.body.size())
      return refuse(op, fmt::format("its walk over tiles ends with '{}'", print_head(wanted.body[i])));
    if (i >= wanted.body.size()) return refuse(op.body[i], "stands behind all that its walk over tiles has");
    if (auto rejection = compare(op.body[i], wanted.body[i])) return rejection;
  }
  return std::nullopt;
}

std::optional<Rejection> check_frame(const Program& program, const Program& scheduled, const Target& target) {
  const auto placed = allocate_shared(scheduled, target);
  if (!placed) return placed.rejection();
  for (size_t i = 0; i < program.tensors.size(); ++i)
    if (!(program.tensors[i] == placed->tensors[i]))
      return Rejection{
          "verify",
          fmt::format("${}: the memory of a walked program is laid out: offset={}{}", program.tensors[i].name,
                      integer(placed->tensors[i].attributes, "offset", 0),
                      has(placed->tensors[i].attributes, "barriers")
                          ? fmt::format(" barriers={}", integer(placed->tensors[i].attributes, "barriers", 0))
                          : "")};
  return compare(launch_of(program), launch_of(*placed, target));
}

}  // namespace

std::optional<Rejection> check_walked(const Program& program, const Program& scheduled,
                                      const Target& target) {
  const bool listed = program.body[0].name == "tile_lists";
  if (program.body.size() != (listed ? 2 : 1) || program.body.back().name != "launch")
    return Rejection{"verify", fmt::format("kernel {} must hold one launch, and lists of tiles at most in "
                                           "front of it",
                                           program.name)};
  if (listed)
    if (auto rejection = check_tile_lists(program.body[0])) return rejection;
  if (auto rejection = check_blocks(scheduled.body[0])) return rejection;
  return check_frame(program, scheduled, target);
}

}  // namespace warpfinch::lower
