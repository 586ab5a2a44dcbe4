// pipeline: rotates the loop that holds two mma ops. The last mma of the body (PV) runs one tile late: tile
// i-1's PV is issued beside tile i's QK, and tile i's softmax runs while it is in flight. The first tile's
// softmax becomes a prologue, the last tile's PV an epilogue. A body of several tiles (a pair of mma ops
// each) stays one: the loop is left in its middle, behind the last tile of a trip.
//   order=s0: PV(i-1), then QK(i): both are waited for before the softmax.
//   order=s1: QK(i), then PV(i-1): the softmax starts when QK(i) is done.
// Ops that touch the late mma's registers move behind the others, with what depends on them; else a branch
// that waits inside stays where it is. What happens on the first trip only (`if … n == begin`) goes to the
// prologue.
// Requires: constant step; a loop that is `nonempty`. Leaves: nothing in flight over the loop's back edge
// that the next pass could not wait for at once.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/passes.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

constexpr const char* kStage = "pipeline";

// One tile of scores in the loop's body, sorted by what the rotation does with it.
struct Parts {
  std::vector<Op> late;      // the mma that sums up, and the loads that only its like uses
  std::vector<Op> early;     // everything else, in order
  std::vector<Op> trailing;  // those of the others that touch the late mma's registers, or depend on such
};

size_t count_mma(const std::vector<Op>& body) {
  return std::count_if(body.begin(), body.end(), [](const Op& op) { return op.name == "mma"; });
}

// Does the load bring what only mma ops with that sum read?
bool only_feeds(const Op& load, const Operand& sum, const std::vector<Op>& body) {
  if (load.name != "load" || load.operands[0].space != Space::shared) return false;
  int readers = 0;
  for (const Op& op : body) {
    if (op == load || !mentions(op, Space::shared, load.operands[0].name)) continue;
    if (op.name != "mma" || !(op.operands[0] == sum)) return false;
    ++readers;
  }
  return readers > 0;
}

Parts divide(const std::vector<Op>& tile, const std::vector<Op>& body) {
  const Op& last = tile.back();
  Parts parts;
  const auto depends = [&](const Op& op) {
    return std::any_of(parts.trailing.begin(), parts.trailing.end(),
                       [&](const Op& earlier) { return conflict(op, earlier); });
  };
  for (const Op& op : tile) {
    if (&op == &last || only_feeds(op, last.operands[0], body))
      parts.late.push_back(op);
    else if (depends(op) || (conflict(op, last) && !waits_inside(op)))
      parts.trailing.push_back(op);
    else
      parts.early.push_back(op);
  }
  return parts;
}

// The body up to each mma that sums into what its last mma sums into.
std::vector<std::vector<Op>> tiles_of(const std::vector<Op>& body) {
  Operand sum;
  for (const Op& op : body)
    if (op.name == "mma") sum = op.operands[0];
  std::vector<std::vector<Op>> tiles(1);
  for (const Op& op : body) {
    tiles.back().push_back(op);
    if (op.name == "mma" && op.operands[0] == sum) tiles.emplace_back();
  }
  tiles.pop_back();
  return tiles;
}

std::vector<Op> at(std::vector<Op> ops, const std::string& name, const Expr& place) {
  for (Op& op : ops) substitute(op, name, place);
  return ops;
}

// Puts in whether the loop is on its first trip, and takes branches apart that are so decided.
std::vector<Op> on_trip(const std::vector<Op>& ops, const Range& range, bool first) {
  const Expr question = operation("==", symbol(range.name), range.begin);
  std::vector<Op> result;
  for (Op op : ops) {
    if (op.name == "if") {
      Expr& condition = op.operands[0].expr;
      condition = replace(condition, question, first);
      if (is_constant(condition)) {
        if (value(condition) != 0) result.insert(result.end(), op.body.begin(), op.body.end());
        continue;
      }
    }
    result.push_back(std::move(op));
  }
  return result;
}

void append(std::vector<Op>& to, const std::vector<Op>& ops) { to.insert(to.end(), ops.begin(), ops.end()); }

// A tile with the late part of the one before it issued beside its first mma.
std::vector<Op> beside(std::vector<Op> early, const std::vector<Op>& late, bool late_first) {
  auto place = std::find_if(early.begin(), early.end(), [](const Op& op) { return op.name == "mma"; });
  early.insert(late_first ? place : place + 1, late.begin(), late.end());
  return early;
}

// The first tile: masked unless it is known that the mask does not reach it.
std::vector<Op> prologue(const Parts& parts, const Op& loop) {
  const Range& range = loop.ranges[0];
  std::vector<Op> body = on_trip(parts.early, range, true);
  append(body, parts.trailing);
  if (is_constant(range.begin) &&
      value(range.begin) + value(range.step) <= integer(loop.attributes, "unmasked", 0))
    std::erase_if(body, [](const Op& op) { return op.name.starts_with("mask_"); });
  return at(std::move(body), range.name, range.begin);
}

// The loop, one tile late. Of several tiles per trip the last one's late part waits for the next trip, whose
// first tile stands behind the `leave`.
Op steady(const std::vector<Parts>& tiles, const Op& loop, bool late_first) {
  const Range& range = loop.ranges[0];
  const Expr n = symbol(range.name);
  const bool one = tiles.size() == 1;
  Op result = for_loop({range.name, one ? range.begin + range.step : range.begin, range.end, range.step}, {},
                       loop.attributes);
  remove(result.attributes, "nonempty");
  for (size_t i = 1; i < tiles.size(); ++i) {
    append(result.body, beside(on_trip(tiles[i].early, range, false), tiles[i - 1].late, late_first));
    append(result.body, tiles[i].trailing);
  }
  if (!one) result.body.push_back(op("leave", {expr(operation(">=", n + range.step, range.end))}));
  std::vector<Op> first = on_trip(tiles[0].early, range, false), trailing = tiles[0].trailing;
  if (!one)
    first = at(first, range.name, n + range.step), trailing = at(trailing, range.name, n + range.step);
  append(result.body,
         beside(first, one ? at(tiles[0].late, range.name, n - range.step) : tiles.back().late, late_first));
  append(result.body, trailing);
  return result;
}

bool is_nonempty(const Op& loop) {
  const Range& range = loop.ranges[0];
  if (is_constant(range.begin) && is_constant(range.end)) return value(range.begin) < value(range.end);
  return has(loop.attributes, "nonempty");
}

// Prologue, loop and epilogue in place of the loop.
Expected<std::vector<Op>> rotate(const Op& loop, bool late_first) {
  const Range& range = loop.ranges[0];
  if (!is_nonempty(loop))
    return Rejection{kStage, fmt::format("'{}' may run not at all; mark it nonempty", print_head(loop))};
  std::vector<Parts> tiles;
  for (const std::vector<Op>& tile : tiles_of(loop.body)) tiles.push_back(divide(tile, loop.body));
  std::vector<Op> result = prologue(tiles[0], loop);
  Op walk = steady(tiles, loop, late_first);
  const Range& walked = walk.ranges[0];
  const bool known = is_constant(walked.begin) && is_constant(walked.end);
  if (!known || value(walked.begin) < value(walked.end)) result.push_back(std::move(walk));
  const Expr last = range.begin + (range.end - range.begin - 1) / range.step * range.step;
  append(result, at(tiles.back().late, range.name, last));
  return result;
}

std::optional<Rejection> rotate_loops(std::vector<Op>& body, bool late_first) {
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i].name != "for" || count_mma(body[i].body) < 2) {
      if (auto rejection = rotate_loops(body[i].body, late_first)) return rejection;
      continue;
    }
    auto rotated = rotate(body[i], late_first);
    if (!rotated) return rotated.rejection();
    body.erase(body.begin() + i);
    body.insert(body.begin() + i, rotated->begin(), rotated->end());
    i += rotated->size() - 1;
  }
  return std::nullopt;
}

}  // namespace

Lowered pipeline(const Program& program, const Target&) {
  const auto order = attribute(program.attributes, "order");
  if (!order) return program;
  if (*order != "s0" && *order != "s1")
    return Rejection{kStage, fmt::format("order={}: known are s0, s1", *order)};
  Program result = program;
  remove(result.attributes, "order");
  if (auto rejection = rotate_loops(result.body, *order == "s0")) return *rejection;
  return result;
}

}  // namespace warpfinch::lower
