// split_mask: tiles below a loop's `unmasked` bound need no mask op. mask_loop=split gives them a loop of
// their own without mask ops; mask_loop=branch keeps one loop, with the mask ops under a uniform branch (one
// copy of the body costs fewer registers than two); where the loop tells a warpgroup's own bound, that one counts.
// Requires: `unmasked` is a multiple of the step. Leaves: no `unmasked` and `own_unmasked` attributes.
#include <fmt/format.h>

#include <charconv>

#include "generator/lower/passes.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

bool is_mask(const Op& op) { return op.name.starts_with("mask_"); }

Expr bound(const std::string& text) {
  int64_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() ? Expr(number) : symbol(text);
}

bool runs_not(const Range& range) {
  return is_constant(range.begin) && is_constant(range.end) && value(range.begin) >= value(range.end);
}

std::vector<Op> split(const Op& loop, const Expr& unmasked) {
  const Range& range = loop.ranges[0];
  Op plain = loop, masked = loop;
  plain.ranges[0].end = unmasked;
  std::erase_if(plain.body, is_mask);
  masked.ranges[0].begin = max(range.begin, unmasked);
  std::vector<Op> result;
  for (Op& half : std::vector{plain, masked})
    if (!runs_not(half.ranges[0])) result.push_back(std::move(half));
  return result;
}

// Where the tile of scores ends that a mask op is about.
Expr end_of(const Program& program, const Op& mask) {
  const Expr& first = mask.operands[mask.name == "mask_columns" ? 1 : 2].expr;
  return first + find(program, Space::register_, mask.operands[0].name)->shape[1];
}

// Each run of mask ops goes under `if the tile ends behind unmasked`.
Op branch(const Program& program, Op loop, const Expr& unmasked) {
  std::vector<Op> body;
  for (Op& inner : loop.body) {
    if (!is_mask(inner)) {
      body.push_back(std::move(inner));
      continue;
    }
    if (body.empty() || body.back().name != "if" || has(body.back().attributes, "cold"))
      body.push_back(op("if", {expr(operation(">", end_of(program, inner), unmasked))}));
    body.back().body.push_back(std::move(inner));
  }
  loop.body = std::move(body);
  return loop;
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
    if (!by_branch && cuts_a_tile(body[i].ranges[0], bound(*text)))
      return Rejection{"split_mask",
                       fmt::format("'{}': unmasked={} is no multiple of the step {}", print_head(body[i]),
                                   *text, to_text(body[i].ranges[0].step))};
    const std::string own = attribute(body[i].attributes, "own_unmasked").value_or(*text);
    if (!by_branch && has(body[i].attributes, "own"))
      return Rejection{"split_mask", fmt::format("'{}': own bounds need mask_loop=branch", print_head(body[i]))};
    remove(body[i].attributes, "unmasked");
    remove(body[i].attributes, "own_unmasked");
    const std::vector<Op> parts =
        by_branch ? std::vector{branch(program, body[i], bound(own))} : split(body[i], bound(*text));
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
