// What makes a config impossible before anything is generated: arithmetic on its numbers and the target's.
#include "generator/constraints.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace warpfinch {
namespace {
constexpr int kRegisterSlack = 8;  // ptxas at times does better than the estimate
}  // namespace

Reason consumers_violated(int consumers, const Target& target) {
  const int warpgroup = kWarpgroupWarps * kWarpThreads;
  const int most = std::min(4, target.max_threads_per_block / warpgroup - 1);
  if (consumers >= 1 && consumers <= most) return {};
  return fmt::format("consumer_warpgroups={}: a block has 1 to {} consumer warpgroups beside its producer",
                     consumers, most);
}

Reason equal_tiles_listed(TileOrder order) {
  if (order != TileOrder::balanced) return {};
  return "tile_order=balanced is for attention under a mask with one edge; here all tiles are equally long";
}

Reason bytes_violated(int64_t bytes, const std::string& of, int64_t most) {
  if (bytes <= most) return {};
  return fmt::format("needs {} KB of shared memory ({}), a block has {} KB", (bytes + 1023) / 1024, of,
                     most / 1024);
}

Reason consumer_need_violated(int need, const std::string& of, const lower::RoleShares& shares,
                              const Target& target) {
  const lower::RegisterBudget budget = lower::register_budget(shares, target);
  const int64_t has = budget.producer > 0
                          ? budget.consumer
                          : std::min(lower::allotted_registers(shares, target), lower::kMostOfConsumer);
  if (need <= has + kRegisterSlack) return {};
  return fmt::format("needs {} registers per thread ({}), {} consumer warpgroups have {}", need, of,
                     shares.consumers, has);
}

Reason instruction_violated(int columns, int beside, int consumers, int blocks, const Target& target) {
  if (!target.mma.asynchronous) return {};  // one of m16n8 needs few
  const int64_t need = columns / 2 + beside,
                has = lower::allotted_registers({.consumers = consumers, .blocks = blocks}, target);
  if (need <= has) return {};
  return fmt::format("a wgmma of {} columns needs {} registers, the launch allots {} to a thread", columns,
                     need, has);
}

}  // namespace warpfinch
