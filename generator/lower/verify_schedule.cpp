// The verifier's rules about scheduled programs: resources, rings, what is in flight, turns.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/own_extents.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/uniformity.hpp"
#include "generator/lower/verify_rules.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

Rejection refuse(const std::string& reason) { return {"verify", reason}; }

const std::vector<Op>& roles_of(const Program& program) { return program.body[0].body; }

}  // namespace

std::optional<Rejection> check_resources(const Program& program, const Target& target) {
  int64_t warps = 0, registers = 0;
  bool budgets = false;
  for (const Op& role : roles_of(program)) {
    const int64_t own = integer(role.attributes, "warps", 0), regs = integer(role.attributes, "regs", 0);
    warps += own;
    registers += own * regs;
    budgets |= regs > 0;
    if (regs > 0 && !target.register_reallocation)
      return refuse(
          fmt::format("regs={}: {} cannot move registers from one warp to another", regs, target.name));
    if (regs > 0 && own % kWarpgroupWarps != 0)
      return refuse(fmt::format("a register budget needs whole warpgroups; a role has {} warps", own));
    if (regs > 0 && (regs % target.register_granularity != 0 || regs < kLeastBudget || regs > kMostBudget))
      return refuse(fmt::format("regs={}: a multiple of {} in {} .. {}", regs, target.register_granularity,
                                kLeastBudget, kMostBudget));
  }
  const int64_t threads = warps * kWarpThreads;
  if (threads < 32 || threads > target.max_threads_per_block)
    return refuse(fmt::format("{} threads per block; the target takes 32 .. {}", threads,
                              target.max_threads_per_block));
  const int64_t blocks = integer(program.attributes, "ctas_per_sm", 1);
  const int64_t launch = launch_registers(threads, blocks, target);
  if (budgets && registers > launch * warps)
    return refuse(
        fmt::format("the roles' budgets add up to {} registers, the launch allots {} x {} threads = {}",
                    registers * kWarpThreads, launch, threads, launch * threads));
  const int64_t bytes = shared_bytes(program), most = shared_limit(target, blocks);
  if (bytes > most)
    return refuse(fmt::format("needs {} bytes of shared memory, {} blocks on a multiprocessor have {} each",
                              bytes, blocks, most));
  return std::nullopt;
}

namespace {

bool only_skips(const Op& op) {
  return op.name == "for" && !op.body.empty() &&
         std::all_of(op.body.begin(), op.body.end(), [](const Op& inner) { return inner.name == "skip"; });
}

// A loop that skips the tiles from where an earlier loop over the same rings ended, in the order in which
// they are filled, is its continuation.
std::vector<Op> joined(std::vector<Op> body) {
  for (Op& op : body) op.body = joined(op.body);
  for (size_t i = body.size(); i-- > 0;) {
    if (!only_skips(body[i])) continue;
    const Range rest = body[i].ranges[0];
    for (size_t j = 0; j < i; ++j) {
      Op& walked = body[j];
      if (walked.name != "for" || !(walked.ranges[0].step == rest.step) ||
          !(next_tile(walked.ranges[0]) == rest.begin) || body[i].body != skips(body, j))
        continue;
      end_at(walked, rest.end);
      body.erase(body.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    }
  }
  return body;
}

// How often a block does something with one ring. Loops that are left in their middle do what stands behind
// the `leave` once less often than the rest: k (a + b) - b times.
struct Events {
  int here = 0;          // in the block itself, what its loops do less taken off
  int behind_leave = 0;  // of these, behind the block's `leave`
  std::string loops;     // "for n in … { 1 }"
};
Events count_events(const std::vector<Op>& body, const std::string& event, const std::string& ring) {
  Events events;
  bool left = false;
  for (const Op& op : body) {
    left |= op.name == "leave";
    const bool is_one = op.name == event && op.operands[0].name == ring;
    events.here += is_one;
    events.behind_leave += is_one && left;
    const Events inner = count_events(op.body, event, ring);
    if (inner.here == 0 && inner.loops.empty()) continue;
    events.here -= inner.behind_leave;
    events.loops += fmt::format("{} {{ {} {}}} ", print_head(op), inner.here, inner.loops);
  }
  return events;
}

// The same as text; two roles agree when equal. Order does not count: the ring is walked one stage at a time.
std::string skeleton(const std::vector<Op>& body, const std::string& event, const std::string& ring) {
  const Events events = count_events(body, event, ring);
  return events.here == 0 && events.loops.empty() ? "" : fmt::format("{} {}", events.here, events.loops);
}

std::optional<Rejection> check_held(const Program& program, const std::vector<Op>& body,
                                    std::set<std::string>& held);

// A block ends with the tiles held that it began with. A loop may be left with others.
std::optional<Rejection> check_held_over(const Program& program, const Op& block,
                                         std::set<std::string>& held) {
  const auto leave =
      std::find_if(block.body.begin(), block.body.end(), [](const Op& op) { return op.name == "leave"; });
  std::set<std::string> at_leave = held;
  if (auto rejection = check_held(program, {block.body.begin(), leave}, at_leave)) return rejection;
  std::set<std::string> at_end = at_leave;
  if (auto rejection = check_held(program, {leave, block.body.end()}, at_end)) return rejection;
  if (at_end != held) return lower::refuse(block, "ends with other tiles held than it began with");
  if (leave != block.body.end()) held = at_leave;
  return std::nullopt;
}

// Consumers touch a ring tile only while they hold it.
std::optional<Rejection> check_held(const Program& program, const std::vector<Op>& body,
                                    std::set<std::string>& held) {
  for (const Op& op : body) {
    if (op.name == "wait" && !held.insert(op.operands[0].name).second)
      return lower::refuse(op, "the tile is held already");
    if (op.name == "release" && held.erase(op.operands[0].name) == 0)
      return lower::refuse(op, "the tile is not held; wait for it first");
    if (op.name == "skip" && held.contains(op.operands[0].name)) return lower::refuse(op, "the tile is held");
    if (op.name == "wait" || op.name == "release" || op.name == "skip") continue;
    for (const Operand& operand : op.operands) {
      if (operand.kind != Operand::Kind::tensor || operand.space != Space::shared) continue;
      const Tensor& tensor = *find(program, Space::shared, operand.name);
      const std::string ring = attribute(tensor.attributes, "alias").value_or(operand.name);
      if (is_ring(program, ring) && !held.contains(ring))
        return refuse(fmt::format("'{}' touches ${} outside of wait ${} … release ${}", print_head(op),
                                  operand.name, ring, ring));
    }
    if (op.body.empty()) continue;
    if (auto rejection = check_held_over(program, op, held)) return rejection;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Rejection> check_rings(const Program& program, const Target&) {
  for (const Tensor& tensor : program.tensors) {
    if (tensor.space != Space::shared || !is_ring(program, tensor.name)) continue;
    std::string acquires, waits, releases;
    for (const Op& role : roles_of(program)) {
      const std::vector<Op> body = joined(role.body);
      acquires += skeleton(body, "acquire", tensor.name);
      waits += skeleton(body, "wait", tensor.name);
      releases += skeleton(body, "release", tensor.name);
    }
    if (acquires != waits || waits != releases)
      return refuse(fmt::format("ring ${}: the producer acquires [{}], consumers wait [{}] and release [{}]",
                                tensor.name, acquires, waits, releases));
  }
  for (const Op& role : roles_of(program)) {
    std::set<std::string> held;
    if (has(role.attributes, "producer")) continue;
    if (auto rejection = check_held(program, role.body, held)) return rejection;
  }
  return std::nullopt;
}

namespace {

// Walks over one role as it runs, with the mma ops that are in flight. `synchronised`: fences stand already.
class FlightCheck {
 public:
  std::optional<Rejection> block(const std::vector<Op>& body) {
    for (const Op& op : body)
      if (auto rejection = visit(op)) return rejection;
    return std::nullopt;
  }
  bool idle() const { return in_flight_.empty() && open_.empty(); }

 private:
  std::optional<Rejection> visit(const Op& op) {
    if (op.name == "fence_mma") return fenced_ = true, std::nullopt;
    if (op.name == "mma") return issue(op);
    if (op.name == "commit_mma") return commit();
    if (op.name == "wait_mma") return wait(op);
    if (waits_inside(op)) return FlightCheck(*this).block(op.body);
    for (const std::vector<Op>& group : in_flight_)
      for (const Op& mma : group)
        if (op.body.empty() && conflict(op, mma))
          return refuse(fmt::format("'{}' touches what '{}' has in flight", print_head(op), print_head(mma)));
    if (op.name == "leave" && !idle()) return refuse("'leave' while an mma is in flight");
    if (op.name == "release" && in_use(op.operands[0].name))
      return refuse(fmt::format("'{}' while an mma in flight reads it", print_head(op)));
    if (!register_use(op).writes.empty()) fenced_ = false;
    if (op.body.empty()) return std::nullopt;
    if (auto rejection = block(op.body)) return rejection;
    if ((op.name == "for" || (op.name == "if" && holds_mma(op))) && !idle())
      return refuse(fmt::format("'{}' leaves an mma in flight at its end", print_head(op)));
    return std::nullopt;
  }
  std::optional<Rejection> issue(const Op& op) {
    if (!fenced_) return refuse(fmt::format("'{}' without fence_mma in front of it", print_head(op)));
    open_.push_back(op);
    return std::nullopt;
  }
  std::optional<Rejection> commit() {
    if (open_.empty()) return refuse("commit_mma without an mma");
    in_flight_.push_back(std::move(open_));
    open_.clear();
    fenced_ = false;
    return std::nullopt;
  }
  std::optional<Rejection> wait(const Op& op) {
    if (!open_.empty())
      return refuse(fmt::format("'{}' before the commit_mma of '{}'", print_head(op), print_head(open_[0])));
    const size_t pending = integer(op.attributes, "pending", 0);
    if (in_flight_.size() > pending) in_flight_.erase(in_flight_.begin(), in_flight_.end() - pending);
    return std::nullopt;
  }
  bool in_use(const std::string& tile) const {
    for (const std::vector<Op>& group : in_flight_)
      for (const Op& mma : group)
        if (mentions(mma, Space::shared, tile)) return true;
    return false;
  }

  std::vector<std::vector<Op>> in_flight_;
  std::vector<Op> open_;
  bool fenced_ = false;
};

bool synchronised(const Program& program) {
  bool fences = false, has_mma = false;
  walk(program.body, [&](const Op& op) {
    fences |= op.name == "fence_mma" || op.name == "commit_mma" || op.name == "wait_mma";
    has_mma |= op.name == "mma";
  });
  // Between the passes `roles` and `synchronize` no fence stands yet; what is emitted has offsets.
  return has_mma && (fences || has(program.attributes, "shared_bytes"));
}

// Products that are done when they are issued are not waited for.
std::optional<Rejection> check_nothing_awaited(const Program& program, const Target& target) {
  std::optional<Rejection> found;
  walk(program.body, [&](const Op& op) {
    if (op.name == "fence_mma" || op.name == "commit_mma" || op.name == "wait_mma")
      found = lower::refuse(
          op, fmt::format("{} of {} has nothing in flight", target.mma.instruction, target.name));
  });
  return found;
}

}  // namespace

std::optional<Rejection> check_flight(const Program& program, const Target& target) {
  if (!synchronised(program)) return std::nullopt;
  if (!target.mma.asynchronous) return check_nothing_awaited(program, target);
  for (const Op& role : roles_of(program)) {
    FlightCheck check;
    if (auto rejection = check.block(role.body)) return rejection;
    if (!check.idle()) return refuse("an mma is in flight at the end of a role");
  }
  return std::nullopt;
}

namespace {

std::optional<Rejection> check_pingpong_block(const std::vector<Op>& body, bool uniform, Uneven uneven) {
  int waits = 0, passes = 0;
  for (const Op& op : body) {
    waits += op.name == "pingpong_wait";
    passes += op.name == "pingpong_pass";
    if (passes > waits) return refuse("pingpong_pass before pingpong_wait");
    uneven.note(op);
    uniform = uniform && !(op.name == "leave" && uneven.depends(op));
    const bool same = uniform && !is_branch(op) && !(op.name == "for" && uneven.depends(op));
    if (auto rejection = check_pingpong_block(op.body, same, uneven)) return rejection;
  }
  if (waits != passes)
    return refuse(fmt::format("a block waits for the turn {} times and passes it {} times", waits, passes));
  if (waits > 0 && !uniform) return refuse("a turn in a block that warpgroups may run unequally often");
  return std::nullopt;
}

}  // namespace

std::optional<Rejection> check_pingpongs(const Program& program, const Target&) {
  for (const Op& role : roles_of(program))
    if (auto rejection = check_pingpong_block(role.body, true, {})) return rejection;
  return std::nullopt;
}

std::optional<Rejection> check_producer_names(const Program& program, const Target&) {
  for (const Op& role : roles_of(program))
    if (has(role.attributes, "producer") && names_in(role.body).contains("warpgroup"))
      return lower::refuse(role, "a producer has no warpgroup");
  return std::nullopt;
}

}  // namespace warpfinch::lower
