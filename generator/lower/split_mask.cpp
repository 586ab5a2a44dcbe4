// split_mask: takes the mask ops out of the trips that need none.
// A loop says which those are: from `unmasked_from` (without it, from its begin) up to `unmasked`.
// mask_loop=split makes two loops: one without mask ops for these trips, and the loop as it was for the rest.
// mask_loop=branch keeps one loop and puts the mask ops of each edge under a branch that all threads take
// alike; one copy of the body needs fewer registers than two. If a loop has bounds of its own for each
// warpgroup, the branch asks for those. If the rest of a split has trips of several kinds (bounds of each
// warpgroup, or a `leave`), it gets branches as well.
// Where tiles may be done again (`retry`), the second walk runs the rest alone, over all keys. The plain loop
// then has no cold branch any more; a `pin` stands in its place.
// Requires, with split: bounds that are multiples of the step; with own bounds or `leave`, no left edge
// instead. Leaves: neither attribute.
#include <fmt/format.h>

#include <algorithm>

#include "generator/lower/passes.hpp"
#include "generator/text.hpp"

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
  const auto number = number_from_text<int64_t>(text);
  return number ? Expr(*number) : symbol(text);
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

// A loop for the plain tiles and one for the others, in which the second walk of a grid with `retry` does
// them all: the plain one needs no branch for it.
class Splitter {
 public:
  // `whole`: a name for where the plain tiles end.
  Splitter(const Program& program, std::string whole)
      : program_(program), retry_(attribute(program.body[0].attributes, "retry")), whole_(std::move(whole)) {}

  std::vector<Op> split(const Op& loop, const Unmasked& unmasked) const {
    const Range& range = loop.ranges[0];
    if (!unmasked.from) return split_at(loop, unmasked.to);
    // The unmasked tiles come behind those of the left edge. A tile that both edges cross belongs to the loop
    // of the left edge.
    Op left = loop, rest = loop;
    left.ranges[0].end = min(*unmasked.from, range.end);
    rest.ranges[0].begin = max(range.begin, *unmasked.from);
    std::erase_if(rest.body, is_left_mask);
    std::vector<Op> result{std::move(left)};
    for (Op& part : split_at(rest, unmasked.to)) result.push_back(std::move(part));
    return result;
  }

  // Plain trips are those whose tiles all warpgroups see whole, and none of which leaves.
  std::vector<Op> split_parts(const Op& loop, const Expr& to, const Expr& own_to) const {
    const Range& range = loop.ranges[0];
    const int64_t last = leaves(loop) ? 1 : 0;  // a trip that ends where the loop does leaves
    const Expr beyond = std::max(reach(loop) - value(range.step), last);
    const Expr end = range.begin + max(to - beyond - range.begin, 0) / range.step * range.step;
    std::vector<Op> result = split_at(loop, end);
    if (!result.empty()) result.back() = branch(program_, result.back(), {std::nullopt, own_to});
    return result;
  }

  static bool has_parts(const Op& loop) { return has(loop.attributes, "own") || leaves(loop); }

 private:
  static bool leaves(const Op& loop) {
    return std::any_of(loop.body.begin(), loop.body.end(), [](const Op& op) { return op.name == "leave"; });
  }

  // How many keys behind the begin of a trip its last masked tile ends.
  int64_t reach(const Op& loop) const {
    int64_t keys = value(loop.ranges[0].step);
    for (const Op& op : loop.body)
      if (is_mask(op)) {
        const Expr end = substitute(end_of(program_, op), loop.ranges[0].name, 0);
        if (is_constant(end)) keys = std::max(keys, value(end));
      }
    return keys;
  }

  bool in_second_walk(const Op& op) const {
    return retry_ && has(op.attributes, "cold") && op.operands[0].expr == operation("!=", symbol(*retry_), 0);
  }

  // In place of the branch stands a bound between basic blocks: ptxas would delay the release of the tile
  // that was just multiplied until the middle of the softmax.
  Op plain_of(Op loop, const Expr& end) const {
    loop.ranges[0].end = end;
    for (const char* of_rest : {"own", "nonempty"}) remove(loop.attributes, of_rest);
    std::erase_if(loop.body, [&](const Op& op) { return is_mask(op) || op.name == "leave"; });
    for (Op& inner : loop.body)
      if (in_second_walk(inner)) inner = op("pin", {scores_of(inner)});
    return loop;
  }

  // What the branch reads of the product in front of it: the scores, where it raises a reference.
  static Operand scores_of(const Op& branch) {
    for (const Op& inner : branch.body)
      if (inner.name == "reference") return inner.operands[2];
    return branch.body[0].operands[0];
  }

  std::vector<Op> split_at(const Op& loop, Expr end) const {
    const Range& range = loop.ranges[0];
    const bool again =
        std::any_of(loop.body.begin(), loop.body.end(), [&](const Op& op) { return in_second_walk(op); });
    std::vector<Op> result;
    if (again) end = operation("==", symbol(*retry_), 0) * end;
    if (again || !(is_constant(end) || end.kind == Expr::Kind::name)) {
      result.push_back(let(whole_, end));
      end = symbol(whole_);
    }
    Op plain = plain_of(loop, end), rest = loop;
    rest.ranges[0].begin = max(range.begin, end);
    if (!runs_not(plain.ranges[0])) result.push_back(std::move(plain));
    if (!(range.end == end) && !runs_not(rest.ranges[0])) result.push_back(std::move(rest));
    return result;
  }

  const Program& program_;
  std::optional<std::string> retry_;
  std::string whole_;
};

// `n_whole`; with a number behind it where a loop before this one has that name.
std::string name_of_whole(const std::vector<Op>& scope, const Op& loop) {
  const std::string wanted = loop.ranges[0].name + "_whole";
  const auto taken = [&](const std::string& name) {
    return std::any_of(scope.begin(), scope.end(),
                       [&](const Op& op) { return op.name == "let" && op.ranges[0].name == name; });
  };
  std::string name = wanted;
  for (int i = 2; taken(name); ++i) name = wanted + number_to_text(i);
  return name;
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
    if (!by_branch && !Splitter::has_parts(body[i]) && cuts_a_tile(body[i].ranges[0], bound(*text)))
      return Rejection{"split_mask",
                       fmt::format("'{}': unmasked={} is no multiple of the step {}", print_head(body[i]),
                                   *text, to_text(body[i].ranges[0].step))};
    const auto from = attribute(body[i].attributes, "unmasked_from");
    const std::string to = attribute(body[i].attributes, "own_unmasked").value_or(*text);
    const bool in_parts = !by_branch && Splitter::has_parts(body[i]);
    if (in_parts && from)
      return Rejection{"split_mask", fmt::format("'{}': own bounds and stages of several tiles need "
                                                 "mask_loop=branch where a window has a left edge",
                                                 print_head(body[i]))};
    const Unmasked unmasked{from ? std::optional(bound(*from)) : std::nullopt, bound(to)};
    for (const char* edge : {"unmasked", "unmasked_from", "own_unmasked"}) remove(body[i].attributes, edge);
    const Splitter splitter(program, name_of_whole(body, body[i]));
    const std::vector<Op> parts = by_branch  ? std::vector{branch(program, body[i], unmasked)}
                                  : in_parts ? splitter.split_parts(body[i], bound(*text), bound(to))
                                             : splitter.split(body[i], unmasked);
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
