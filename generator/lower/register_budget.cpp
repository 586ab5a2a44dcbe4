// setmaxnreg can only redistribute what the launch allotted: floor8(registers / threads) for every thread.
#include "generator/lower/register_budget.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace warpfinch::lower {
namespace {

// A single consumer that is alone on its multiprocessor has as many registers as a thread can have already:
// there is nothing to move.
bool divides(const RoleShares& shares, const Target& target) {
  return target.register_reallocation && (shares.consumers >= 2 || shares.blocks >= 2);
}

// What a producer needs at least. With more than two consumers it keeps 32: budgets are multiples of 8, and
// the consumers could not take the rest.
int64_t derived(const RoleShares& shares) {
  if (shares.copier == Copier::threads) return 56;
  if (shares.consumers > 2) return 32;
  return shares.copier == Copier::async ? 40 : 24;
}

}  // namespace

int64_t allotted_registers(const RoleShares& shares, const Target& target) {
  return launch_registers((shares.consumers + 1) * kWarpgroupWarps * kWarpThreads, shares.blocks, target);
}

RegisterBudget register_budget(const RoleShares& shares, const Target& target) {
  if (!divides(shares, target)) return {};
  const int64_t all = allotted_registers(shares, target) * (shares.consumers + 1),
                step = target.register_granularity;
  const int64_t producer = shares.producer_regs > 0 ? shares.producer_regs : derived(shares);
  return {producer, std::min((all - producer) / shares.consumers / step * step, kMostOfConsumer)};
}

std::optional<std::string> why_not_kept(const RoleShares& shares, const Target& target) {
  const int64_t kept = shares.producer_regs, allots = allotted_registers(shares, target);
  if (kept == 0) {
    if (!divides(shares, target) || derived(shares) <= allots) return std::nullopt;
    return fmt::format("a producer whose threads copy needs {} registers, the launch allots {} to a thread",
                       derived(shares), allots);
  }
  if (!target.register_reallocation)
    return fmt::format("producer_regs={}: {} cannot move registers from one warp to another", kept,
                       target.name);
  if (!divides(shares, target))
    return fmt::format("producer_regs={}: 1 consumer warpgroup has {} registers per thread as it is", kept,
                       target.max_registers_per_thread);
  if (shares.copier != Copier::engine && kept < derived(shares))
    return fmt::format("producer_regs={}: a producer whose threads copy needs {}", kept, derived(shares));
  if (kept > allots)
    return fmt::format("producer_regs={}: the launch allots {} to a thread, and a producer only gives", kept,
                       allots);
  return std::nullopt;
}

}  // namespace warpfinch::lower
