// split_mask: a loop's tiles from `unmasked_from` (of a window's left edge; else from its begin) up to
// `unmasked` need no mask op. mask_loop=split gives them a loop of their own without mask ops;
// mask_loop=branch keeps one loop, with the mask ops of each edge under a uniform branch (one copy of the
// body costs fewer registers than two); where the loop tells a warpgroup's own bound, that one counts. Behind
// the plain loop of a split that has tiles of several kinds (a warpgroup's own bounds, stages of several
// tiles), the other one branches, too.
// Requires: with split, both bounds are multiples of the step, or there is no left edge. Leaves: neither
// attribute.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "generator/lower/passes.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

bool is_mask(const Op& op) { return op.name.starts_with("mask_"); }
bool is_left_mask(const Op& op) { return op.name == "mask_window"; }

// The tiles that need no mask. `from` is absent where no edge is on the left.
struct Unmasked {
  std::optional<Expr> from;
  Expr to;
};

Expr bound(const std::string& text) {
  int64_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() ? Expr(number) : symbol(text);
}

bool runs_not(const Range& range) {
  return is_constant(range.begin) && is_constant(range.end) && value(range.begin) >= value(range.end);
}

// Where the tile of scores begins that a mask op is about, and where it ends.
Expr begin_of(const Op& mask) { return mask.operands[mask.name == "mask_columns" ? 1 : 2].expr; }
Expr end_of(const Program& program, const Op& mask) {
  return begin_of(mask) + find(program, Space::register_, mask.operands[0].name)->shape[1];
}

// Each edge's mask ops go under a question: does the tile begin before `from`, does it end behind `to`?
Op branch(const Program& program, Op loop, const Unmasked& unmasked) {
  std::vector<Op> body;
  for (Op& inner : loop.body) {
    if (!is_mask(inner)) {
      body.push_back(std::move(inner));
      continue;
    }
    const bool left = unmasked.from && is_left_mask(inner);
    const Op guard = op("if", {expr(left ? operation("<", begin_of(inner), *unmasked.from)
                                         : operation(">", end_of(program, inner), unmasked.to))});
    if (body.empty() || body.back().name != "if" || body.back().operands != guard.operands)
      body.push_back(guard);
    body.back().body.push_back(std::move(inner));
  }
  loop.body = std::move(body);
  return loop;
}

// The plain tiles, for all warpgroups, and those that cross the right edge.
std::vector<Op> split(const Op& loop, const Unmasked& unmasked) {
  const Range& range = loop.ranges[0];
  Op plain = loop, right = loop;
  plain.ranges[0].end = unmasked.to;
  std::erase_if(plain.body, is_mask);
  right.ranges[0].begin = max(range.begin, unmasked.to);
  std::vector<Op> result;
  if (!runs_not(plain.ranges[0])) result.push_back(std::move(plain));
  if (!(range.end == unmasked.to) && !runs_not(right.ranges[0])) result.push_back(std::move(right));
  return result;
}

// The same behind the tiles of a left edge. A tile that both edges cross runs with the left one's.
std::vector<Op> split_window(const Op& loop, const Unmasked& unmasked) {
  Op left = loop, rest = loop;
  left.ranges[0].end = min(*unmasked.from, loop.ranges[0].end);
  rest.ranges[0].begin = max(loop.ranges[0].begin, *unmasked.from);
  std::erase_if(rest.body, is_left_mask);
  std::vector<Op> result{std::move(left)};
  for (Op& part : split(rest, unmasked)) result.push_back(std::move(part));
  return result;
}

bool has_parts(const Op& loop) {
  return has(loop.attributes, "own") ||
         std::any_of(loop.body.begin(), loop.body.end(), [](const Op& op) { return op.name == "leave"; });
}

// Keys from the begin of a trip to the end of the last tile that it masks.
int64_t reach(const Program& program, const Op& loop) {
  int64_t keys = value(loop.ranges[0].step);
  for (const Op& op : loop.body)
    if (is_mask(op)) {
      const Expr end = substitute(end_of(program, op), loop.ranges[0].name, 0);
      if (is_constant(end)) keys = std::max(keys, value(end));
    }
  return keys;
}

// Trips whose tiles all warpgroups see whole, none of which leaves; behind them the others, with branches.
std::vector<Op> split_parts(const Program& program, const Op& loop, const Expr& to, const Expr& own_to) {
  const Range& range = loop.ranges[0];
  const Expr beyond = reach(program, loop) - value(range.step);
  const Expr end = range.begin + max(to - beyond - range.begin, 0) / range.step * range.step;
  const Expr known = is_constant(end) ? end : symbol(range.name + "_whole");
  Op plain = loop, rest = loop;
  remove(plain.attributes, "own");
  std::erase_if(plain.body, [](const Op& op) { return is_mask(op) || op.name == "leave"; });
  plain.ranges[0].end = known;
  rest.ranges[0].begin = known;
  std::vector<Op> result;
  if (!is_constant(end)) result.push_back(let(known.name, end));
  if (!runs_not(plain.ranges[0])) result.push_back(std::move(plain));
  result.push_back(branch(program, rest, {std::nullopt, own_to}));
  return result;
}

// A bound in the middle of a tile would leave part of it unmasked.
bool cuts_a_tile(const Range& range, const Expr& unmasked) {
  if (!is_constant(range.begin) || !is_constant(unmasked)) return false;
  return (value(unmasked) - value(range.begin)) % value(range.step) != 0;
}

std::optional<Rejection> split_loops(const Program& program, std::vector<Op>& body, bool by_branch) {
  for (size_t i = 0; i < body.size(); ++i) {
    if (auto rejection = split_loops(program, body[i].body, by_branch)) return rejection;
    const auto text = attribute(body[i].attributes, "unmasked");
    if (body[i].name != "for" || !text) continue;
    if (!by_branch && !has_parts(body[i]) && cuts_a_tile(body[i].ranges[0], bound(*text)))
      return Rejection{"split_mask",
                       fmt::format("'{}': unmasked={} is no multiple of the step {}", print_head(body[i]),
                                   *text, to_text(body[i].ranges[0].step))};
    const auto from = attribute(body[i].attributes, "unmasked_from");
    const std::string to = attribute(body[i].attributes, "own_unmasked").value_or(*text);
    const bool in_parts = !by_branch && has_parts(body[i]);
    if (in_parts && from)
      return Rejection{"split_mask", fmt::format("'{}': own bounds and stages of several tiles need "
                                                 "mask_loop=branch where a window has a left edge",
                                                 print_head(body[i]))};
    const Unmasked unmasked{from ? std::optional(bound(*from)) : std::nullopt, bound(to)};
    for (const char* edge : {"unmasked", "unmasked_from", "own_unmasked"}) remove(body[i].attributes, edge);
    const std::vector<Op> parts = by_branch  ? std::vector{branch(program, body[i], unmasked)}
                                  : in_parts ? split_parts(program, body[i], bound(*text), bound(to))
                                  : from     ? split_window(body[i], unmasked)
                                             : split(body[i], unmasked);
    body.erase(body.begin() + i);
    body.insert(body.begin() + i, parts.begin(), parts.end());
    i += parts.size() - 1;
  }
  return std::nullopt;
}

}  // namespace

Lowered split_mask(const Program& program, const Target&) {
  Program result = program;
  const std::string mode = attribute(program.attributes, "mask_loop").value_or("branch");
  if (mode != "split" && mode != "branch")
    return Rejection{"split_mask", fmt::format("mask_loop={}: known are split, branch", mode)};
  remove(result.attributes, "mask_loop");
  if (auto rejection = split_loops(program, result.body, mode == "branch")) return *rejection;
  return result;
}

}  // namespace warpfinch::lower
