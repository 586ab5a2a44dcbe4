#include "generator/lower/own_extents.hpp"

#include <algorithm>
#include <utility>

namespace warpfinch::lower {

using namespace ir;

Expr next_tile(const Range& walked) {
  return walked.begin + (walked.end - walked.begin + walked.step - 1) / walked.step * walked.step;
}

void end_at(Op& loop, const Expr& end) {
  const Expr old = std::exchange(loop.ranges[0].end, end);
  for (Op& op : loop.body)
    if (op.name == "leave") op.operands[0].expr = replace(op.operands[0].expr, old, end);
}

namespace {

void add_waits(const std::vector<Op>& body, std::vector<Op>& skips) {
  for (const Op& op : body) {
    if (op.name != "wait") continue;
    const Op skip = ir::op("skip", {op.operands[0]});
    if (std::find(skips.begin(), skips.end(), skip) == skips.end()) skips.push_back(skip);
  }
}

}  // namespace

std::vector<Op> skips(const std::vector<Op>& body, size_t at) {
  std::vector<Op> all, own;
  add_waits({body.begin(), body.begin() + static_cast<std::ptrdiff_t>(at)}, all);
  add_waits(body[at].body, all);
  add_waits(body[at].body, own);
  std::erase_if(all, [&](const Op& op) { return std::find(own.begin(), own.end(), op) == own.end(); });
  return all;
}

namespace {

size_t behind_last_release(const std::vector<Op>& body, size_t from, const std::vector<Op>& skipped) {
  size_t behind = from;
  for (size_t i = from; i < body.size(); ++i)
    for (const Op& skip : skipped)
      if (body[i].name == "release" && body[i].operands[0] == skip.operands[0]) behind = i + 1;
  return behind;
}

}  // namespace

void walk_own_extents(std::vector<Op>& consumer) {
  for (size_t i = 0; i < consumer.size(); ++i) {
    walk_own_extents(consumer[i].body);
    const auto own = attribute(consumer[i].attributes, "own");
    if (!own) continue;
    remove(consumer[i].attributes, "own");
    const Range whole = consumer[i].ranges[0];
    end_at(consumer[i], symbol(*own));
    Op rest =
        for_loop({whole.name, next_tile(consumer[i].ranges[0]), whole.end, whole.step}, skips(consumer, i));
    const size_t behind = behind_last_release(consumer, i + 1, rest.body);
    consumer.insert(consumer.begin() + static_cast<std::ptrdiff_t>(behind), std::move(rest));
  }
}

}  // namespace warpfinch::lower
