// synchronize: lets the mma ops run asynchronously and puts the waits where they are needed.
// Every mma becomes a group of its own: fence, mma, commit. An op that touches registers of a group in flight
// waits for that group first; `pending` is the number of groups that were committed after it. A tile that a
// group reads is released behind the wait for that group. At the end of a loop, and of the role, nothing is
// in flight any more. A branch that few take (cold, or voted on) waits inside. Those who pass it by wait for
// nothing, so that behind the branch all groups still count as in flight. A vote reads sums; it stands in
// front of the next wait and keeps them there. ptxas likes to move exponentials and sums behind a wait, where
// they no longer overlap with the mma. The attribute `pin` says which of them are held in front of it.
// Requires: roles; release directly behind a tile's last use. Leaves: no op touches what is in flight. On a
// target whose mma ops are done when they are issued nothing changes.
#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/text.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

struct Flight {
  Op mma;
  std::vector<Op> releases;
};

std::vector<Operand> register_operands(const Op& mma) {
  std::vector<Operand> result;
  for (const Operand& operand : mma.operands)
    if (operand.space == Space::register_) result.push_back(operand);
  return result;
}

void add_missing(std::vector<Operand>& to, const std::vector<Operand>& from) {
  for (const Operand& operand : from)
    if (std::find(to.begin(), to.end(), operand) == to.end()) to.push_back(operand);
}

class Synchronizer {
 public:
  explicit Synchronizer(std::string_view settled) : settled_(settled) {}

  std::vector<Op> block(const std::vector<Op>& body) {
    std::vector<Op> result;
    for (size_t i = 0; i < body.size(); ++i) {
      // What is needed right behind a cold branch is waited for in front of it, once.
      if (has(body[i].attributes, "cold") && i + 1 < body.size())
        wait_for(groups_touched(body[i + 1]), result);
      place(body[i], result);
    }
    wait_for(in_flight_.size(), result);
    return result;
  }

 private:
  void place(const Op& op, std::vector<Op>& out) {
    if (op.name == "mma") return issue(op, out);
    if (op.name == "release") return release(op, out);
    if (op.name == "for" || op.name == "role" || holds_mma(op)) return nest(op, out);
    if (waits_inside(op)) return wait_inside(op, out);
    wait_for(groups_touched(op), out);
    out.push_back(op);
    if (in_flight_.empty()) return;
    if (op.name == "row_sum" && settled_ == "sums") beside_ = op.operands[0];
    if (op.name == "softmax_exp2" && settled_ == "exponentials")
      out.push_back(ir::op("pin", {op.operands[0]}));
  }

  // How many of the oldest groups have to be complete before the op.
  size_t groups_touched(const Op& op) const {
    size_t count = 0;
    for (size_t i = 0; i < in_flight_.size(); ++i)
      if (conflict(op, in_flight_[i].mma)) count = i + 1;
    return count;
  }

  void wait_for(size_t count, std::vector<Op>& out) {
    if (count == 0) return;
    if (beside_) out.push_back(op("pin", {*beside_}));
    beside_.reset();
    std::vector<Operand> tiles;
    for (size_t i = 0; i < count; ++i) add_missing(tiles, register_operands(in_flight_[i].mma));
    out.push_back(op("wait_mma", tiles, {{"pending", number_to_text(in_flight_.size() - count)}}));
    for (size_t i = 0; i < count; ++i)
      out.insert(out.end(), in_flight_[i].releases.begin(), in_flight_[i].releases.end());
    in_flight_.erase(in_flight_.begin(), in_flight_.begin() + count);
  }

  // Groups execute in order, so an mma may follow one that sums into the same tile; any other overlap waits.
  void issue(const Op& mma, std::vector<Op>& out) {
    size_t count = 0;
    for (size_t i = 0; i < in_flight_.size(); ++i)
      if (conflict(mma, in_flight_[i].mma) && !(mma.operands[0] == in_flight_[i].mma.operands[0]))
        count = i + 1;
    wait_for(count, out);
    std::vector<Operand> read = register_operands(mma);
    if (!has(mma.attributes, "accumulate")) read.erase(read.begin());
    out.push_back(op("fence_mma", read));
    out.push_back(mma);
    out.push_back(op("commit_mma", {}));
    in_flight_.push_back({mma, {}});
  }

  void release(const Op& op, std::vector<Op>& out) {
    for (size_t i = in_flight_.size(); i-- > 0;)
      if (mentions(in_flight_[i].mma, Space::shared, op.operands[0].name))
        return in_flight_[i].releases.push_back(op);
    out.push_back(op);
  }

  void nest(const Op& op, std::vector<Op>& out) {
    wait_for(in_flight_.size(), out);
    Op inner = op;
    inner.body = Synchronizer(settled_).block(op.body);
    out.push_back(std::move(inner));
  }

  // What waits here need not be waited for by those who pass by; the releases stay with them.
  void wait_inside(const Op& op, std::vector<Op>& out) {
    Synchronizer inside(settled_);
    for (const Flight& flight : in_flight_) inside.in_flight_.push_back({flight.mma, {}});
    Op branch = op;
    branch.body.clear();
    for (const Op& inner : op.body) inside.place(inner, branch.body);
    out.push_back(std::move(branch));
    if (op.name == "any_above" && beside_ == op.operands[0]) beside_.reset();
  }

  std::string_view settled_;  // sums, exponentials or none
  std::vector<Flight> in_flight_;
  std::optional<Operand> beside_;  // sums taken while mma ops were in flight
};

}  // namespace

Lowered synchronize(const Program& program, const Target& target) {
  Program result = program;
  const std::string settled = attribute(program.attributes, "pin").value_or("sums");
  remove(result.attributes, "pin");
  if (!target.mma.asynchronous) return result;  // nothing is ever in flight
  for (Op& grid : result.body)
    for (Op& role : grid.body)
      if (!has(role.attributes, "producer")) role.body = Synchronizer(settled).block(role.body);
  return result;
}

}  // namespace warpfinch::lower
