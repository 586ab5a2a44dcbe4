// pingpong: the consumer warpgroups take turns around a span of their loop, so that their phases shift.
//   pingpong=issue: from the first fence of each batch of mma ops to its last commit, so that one warpgroup's
//   softmax runs beside the other's mma.
//   pingpong=exponentials: from a tile's exponentials to their sum, so that one warpgroup has the units for
//   them.
// Arithmetic, unlike mma ops, would leave its turn: it is settled at both ends. Every warpgroup passes the
// pingpong equally often, because only loops hold it whose bounds do not depend on the warpgroup (the
// verifier checks that). Requires: synchronised mma ops. Leaves: balanced pingpong_wait and pingpong_pass.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "generator/lower/passes.hpp"
#include "generator/lower/uniformity.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

// A turn begins with an op of `first`, and ends behind the last of `last` that nothing interrupts.
struct Span {
  std::string_view mode;
  std::array<std::string_view, 2> first, last;
  bool settled;
};
constexpr Span kSpans[] = {{"issue", {"fence_mma"}, {"commit_mma"}, false},
                           {"exponentials", {"softmax_exp2", "speculative_exp2"}, {"row_sum", "pin"}, true}};

bool is_one_of(const std::array<std::string_view, 2>& names, const Op& op) {
  return std::find(names.begin(), names.end(), op.name) != names.end();
}

bool interrupts(const Op& op) { return op.name == "wait_mma" || op.name == "leave" || !op.body.empty(); }

// The scores (in front of the reference) behind its begin, the sums in front of its end.
void pin(std::vector<Op>& turn) {
  const Operand scores = turn[0].operands[turn[0].operands.size() - 2];
  if (turn.back().name != "pin") turn.push_back(op("pin", {turn.back().operands[0]}));
  turn.insert(turn.begin(), op("pin", {scores}));
}

bool wrap(std::vector<Op>& body, const Span& span) {
  bool wrapped = false;
  for (size_t i = 0; i < body.size(); ++i) {
    if (!is_one_of(span.first, body[i])) continue;
    size_t last = i;
    for (size_t j = i; j < body.size() && !interrupts(body[j]); ++j)
      if (is_one_of(span.last, body[j])) last = j;
    const auto begin = body.begin() + static_cast<std::ptrdiff_t>(i);
    const auto end = body.begin() + static_cast<std::ptrdiff_t>(last) + 1;
    std::vector<Op> turn(begin, end);
    if (span.settled) pin(turn);
    turn.insert(turn.begin(), op("pingpong_wait", {}));
    turn.push_back(op("pingpong_pass", {}));
    body.insert(body.erase(begin, end), turn.begin(), turn.end());
    i += turn.size() - 1;
    wrapped = true;
  }
  return wrapped;
}

bool wrap_loops(std::vector<Op>& body, const Span& span, Uneven uneven = {}) {
  bool wrapped = false;
  for (Op& op : body) {
    uneven.note(op);
    if (op.name == "for" && !uneven.depends(op))
      wrapped |= wrap_loops(op.body, span, uneven) | wrap(op.body, span);
  }
  return wrapped;
}

}  // namespace

Lowered pingpong(const Program& program, const Target&) {
  Program result = program;
  const std::string mode = attribute(program.attributes, "pingpong").value_or("none");
  remove(result.attributes, "pingpong");
  if (mode == "none") return result;
  const auto span = std::find_if(std::begin(kSpans), std::end(kSpans),
                                 [&](const Span& known) { return known.mode == mode; });
  if (span == std::end(kSpans))
    return Rejection{"pingpong", fmt::format("pingpong={}: known are none, issue, exponentials", mode)};
  for (Op& grid : result.body)
    for (Op& role : grid.body) {
      if (!has(role.attributes, "consumer")) continue;
      if (integer(role.attributes, "warps", 0) < 2 * kWarpgroupWarps)
        return Rejection{"pingpong", "a turn needs at least two consumer warpgroups, the program has one"};
      if (wrap_loops(role.body, *span)) set(role.attributes, "pingpong");
    }
  return result;
}

}  // namespace warpfinch::lower
