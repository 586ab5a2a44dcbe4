// pipeline: rotates the loop that holds two mma ops, so that each tile's last one (PV) is issued beside the
// next tile's first one (QK). A tile is a cycle of three: QK, softmax, PV; an order says where the loop
// begins in it, and which of the two mma ops goes first.
//   order=pv_first: PV(i-1), then QK(i): both are waited for before the softmax.
//   order=qk_first: QK(i), then PV(i-1): the softmax starts when QK(i) is done, and runs beside PV(i-1).
//   order=softmax_first: softmax(i); PV(i), then QK(i+1): both are waited for at the loop's end.
// With pv_first and qk_first PV runs one tile late: the first tile's softmax becomes a prologue, the last
// tile's PV an epilogue. With softmax_first the prologue is the first QK alone, and the loop is left in its
// middle, behind the last tile's softmax. So it is with any order where its body holds several tiles (a pair
// of mma ops each). Ops that touch the late mma's registers move behind the others, with what depends on
// them; else a branch that waits inside stays where it is. What happens on the first trip only (`if … n ==
// begin`) goes to the prologue, if that holds the first softmax. Requires: constant step; a loop that is
// `nonempty`. Leaves: nothing in flight over the loop's back edge that the next pass could not wait for at
// once.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/passes.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

constexpr const char* kStage = "pipeline";

struct Order {
  std::string_view name;
  bool late_first;    // the late mma is issued in front of the next tile's first one
  bool behind_issue;  // the loop begins behind these two, with the softmax, and not with them
};
constexpr Order kOrders[] = {
    {"pv_first", true, false}, {"qk_first", false, false}, {"softmax_first", true, true}};

// One tile of scores in the loop's body, sorted by what the rotation does with it.
struct Parts {
  std::vector<Op> late;   // the mma that sums up, and the loads that only its like uses
  std::vector<Op> ahead;  // its first mma, beside the late part of the tile before, and what stands with it
  std::vector<Op> here;   // what the loop begins with instead
};

bool is_mma(const Op& op) { return op.name == "mma"; }

size_t count_mma(const std::vector<Op>& body) { return std::count_if(body.begin(), body.end(), is_mma); }

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

void append(std::vector<Op>& to, const std::vector<Op>& ops) { to.insert(to.end(), ops.begin(), ops.end()); }

Parts divide(const std::vector<Op>& tile, const std::vector<Op>& body, const Order& order) {
  const Op& last = tile.back();
  Parts parts;
  std::vector<Op> others, trailing;  // trailing: what touches the late mma's registers, or depends on such
  const auto depends = [&](const Op& op) {
    return std::any_of(trailing.begin(), trailing.end(),
                       [&](const Op& earlier) { return conflict(op, earlier); });
  };
  for (const Op& op : tile) {
    if (&op == &last || only_feeds(op, last.operands[0], body))
      parts.late.push_back(op);
    else if (depends(op) || (conflict(op, last) && !waits_inside(op)))
      trailing.push_back(op);
    else
      others.push_back(op);
  }
  append(others, trailing);
  const auto cut = order.behind_issue ? std::find_if(others.begin(), others.end(), is_mma) + 1 : others.end();
  parts.ahead = {others.begin(), cut};
  parts.here = {cut, others.end()};
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

// A tile with the late part of the one before it issued beside its first mma.
std::vector<Op> beside(std::vector<Op> ahead, const std::vector<Op>& late, bool late_first) {
  const auto place = std::find_if(ahead.begin(), ahead.end(), is_mma);
  ahead.insert(late_first ? place : place + 1, late.begin(), late.end());
  return ahead;
}

// The first tile: masked unless it is known that the mask does not reach it.
std::vector<Op> prologue(const Parts& parts, const Op& loop) {
  const Range& range = loop.ranges[0];
  std::vector<Op> body = on_trip(parts.ahead, range, true);
  if (is_constant(range.begin) &&
      value(range.begin) + value(range.step) <= integer(loop.attributes, "unmasked", 0))
    std::erase_if(body, [](const Op& op) { return op.name.starts_with("mask_"); });
  return at(std::move(body), range.name, range.begin);
}

Op loop_from(const Expr& begin, const Op& loop) {
  const Range& range = loop.ranges[0];
  Op result = for_loop({range.name, begin, range.end, range.step}, {}, loop.attributes);
  remove(result.attributes, "nonempty");
  return result;
}

// A trip does all of a tile but the late part, which is the next trip's.
Op one_late(const Parts& tile, const Op& loop, bool late_first) {
  const Range& range = loop.ranges[0];
  Op result = loop_from(range.begin + range.step, loop);
  result.body = beside(on_trip(tile.ahead, range, false),
                       at(tile.late, range.name, symbol(range.name) - range.step), late_first);
  return result;
}

// A trip begins in the middle of its first tile, and ends in that of the next trip's, which stands behind the
// `leave`.
Op left_in_its_middle(const std::vector<Parts>& tiles, const Op& loop, bool late_first) {
  const Range& range = loop.ranges[0];
  const Expr next = symbol(range.name) + range.step;
  Op result = loop_from(range.begin, loop);
  // What the first softmax writes is read behind the loop.
  if (!tiles[0].here.empty()) set(result.attributes, "nonempty");
  append(result.body, tiles[0].here);
  for (size_t i = 1; i < tiles.size(); ++i) {
    append(result.body, beside(on_trip(tiles[i].ahead, range, false), tiles[i - 1].late, late_first));
    append(result.body, tiles[i].here);
  }
  result.body.push_back(op("leave", {expr(operation(">=", next, range.end))}));
  append(result.body,
         beside(at(on_trip(tiles[0].ahead, range, false), range.name, next), tiles.back().late, late_first));
  return result;
}

Op steady(const std::vector<Parts>& tiles, const Op& loop, const Order& order) {
  if (tiles.size() == 1 && !order.behind_issue) return one_late(tiles[0], loop, order.late_first);
  return left_in_its_middle(tiles, loop, order.late_first);
}

bool is_nonempty(const Op& loop) {
  const Range& range = loop.ranges[0];
  if (is_constant(range.begin) && is_constant(range.end)) return value(range.begin) < value(range.end);
  return has(loop.attributes, "nonempty");
}

// Prologue, loop and epilogue in place of the loop.
Expected<std::vector<Op>> rotate(const Op& loop, const Order& order) {
  const Range& range = loop.ranges[0];
  if (!is_nonempty(loop))
    return Rejection{kStage, fmt::format("'{}' may run not at all; mark it nonempty", print_head(loop))};
  std::vector<Parts> tiles;
  for (const std::vector<Op>& tile : tiles_of(loop.body)) tiles.push_back(divide(tile, loop.body, order));
  std::vector<Op> result = prologue(tiles[0], loop);
  Op walk = steady(tiles, loop, order);
  const Range& walked = walk.ranges[0];
  const bool known = is_constant(walked.begin) && is_constant(walked.end);
  if (!known || value(walked.begin) < value(walked.end)) result.push_back(std::move(walk));
  const Expr last = range.begin + (range.end - range.begin - 1) / range.step * range.step;
  append(result, at(tiles.back().late, range.name, last));
  return result;
}

std::optional<Rejection> rotate_loops(std::vector<Op>& body, const Order& order) {
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i].name != "for" || count_mma(body[i].body) < 2) {
      if (auto rejection = rotate_loops(body[i].body, order)) return rejection;
      continue;
    }
    auto rotated = rotate(body[i], order);
    if (!rotated) return rotated.rejection();
    body.erase(body.begin() + i);
    body.insert(body.begin() + i, rotated->begin(), rotated->end());
    i += rotated->size() - 1;
  }
  return std::nullopt;
}

}  // namespace

Lowered pipeline(const Program& program, const Target&) {
  const auto name = attribute(program.attributes, "order");
  if (!name) return program;
  const auto order = std::find_if(std::begin(kOrders), std::end(kOrders),
                                  [&](const Order& known) { return known.name == *name; });
  if (order == std::end(kOrders))
    return Rejection{kStage, fmt::format("order={}: known are pv_first, qk_first, softmax_first", *name)};
  Program result = program;
  remove(result.attributes, "order");
  if (auto rejection = rotate_loops(result.body, *order)) return *rejection;
  return result;
}

}  // namespace warpfinch::lower
