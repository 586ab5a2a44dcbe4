// A launch: arguments in place, clusters one after the other or over several host threads.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "generator/result.hpp"
#include "runtime/emulator/run_state.hpp"
#include "runtime/parallel.hpp"

namespace warpfinch::emulator {
namespace {

void check_launch(const Launch& launch, const std::vector<std::byte*>& addresses) {
  if (addresses.size() != launch.arguments.size())
    fail_input(fmt::format("{}: {} addresses given, the kernel takes {}", launch.name, addresses.size(),
                           launch.arguments.size()));
  if (launch.threads < 32 || launch.threads > 1024 || launch.threads % 32 != 0)
    fail_input(fmt::format("{}: {} threads per block; the emulator takes whole warps, up to 1024",
                           launch.name, launch.threads));
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Host threads: no more than there are clusters, and than may have stacks at once.
int64_t workers_for(const Launch& launch, int64_t clusters, const Options& options) {
  const int64_t with_stacks = static_cast<int64_t>(Stacks::kMost) / (launch.threads * launch.cluster);
  return std::clamp<int64_t>(options.threads, 1, std::max<int64_t>(std::min(clusters, with_stacks), 1));
}

}  // namespace

RunState::RunState(const BuiltKernel& kernel, const Launch& launch, int64_t grid,
                   const std::vector<std::byte*>& addresses, const std::vector<Allocation>& memory,
                   const Options& options)
    : kernel(kernel), launch(launch), options(options), grid(grid), places(launch.source) {
  for (const Allocation& allocation : memory) {
    auto& range = memory_.emplace_back(std::make_unique<GlobalRange>());
    range->allocation = allocation;
    if (allocation.writable)
      range->shadow = std::make_unique<Shadow>(allocation.bytes, Shadow::Memory::global);
  }
  std::sort(memory_.begin(), memory_.end(),
            [](const auto& a, const auto& b) { return a->allocation.data < b->allocation.data; });
  values_.resize(addresses.size());
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (launch.arguments[i].kind == Argument::Kind::tensor_map)
      values_[i].map = {kMapMagic, &launch.arguments[i].map, addresses[i], {}};
    else
      values_[i].pointer = addresses[i];
    argument_places_.push_back(&values_[i]);
  }
}

void RunState::begin() {
  std::call_once(begun_, [this] { begin_ = std::chrono::steady_clock::now(); });
}

bool RunState::is_out_of_time() const {
  return options.most_seconds > 0 && seconds_since(begin_) > options.most_seconds;
}

GlobalRange* RunState::find(const void* address, size_t bytes) {
  const auto* at = static_cast<const std::byte*>(address);
  auto above =
      std::upper_bound(memory_.begin(), memory_.end(), at,
                       [](const std::byte* a, const auto& range) { return a < range->allocation.data; });
  if (above == memory_.begin()) return nullptr;
  GlobalRange& range = **--above;
  const auto offset = static_cast<size_t>(at - range.allocation.data);
  return offset <= range.allocation.bytes && bytes <= range.allocation.bytes - offset ? &range : nullptr;
}

Report run(const BuiltKernel& kernel, const Launch& launch, int64_t grid,
           const std::vector<std::byte*>& addresses, const std::vector<Allocation>& memory,
           const Options& options) {
  check_launch(launch, addresses);
  if (launch.cluster < 1 || launch.cluster > 16 || grid % launch.cluster != 0)
    fail_input(fmt::format("{}: {} blocks in clusters of {}; a cluster has 1 to 16, all of them whole",
                           launch.name, grid, launch.cluster));
  const auto start = std::chrono::steady_clock::now();
  RunState state(kernel, launch, grid, addresses, memory, options);
  const int64_t clusters = grid / launch.cluster;
  const int64_t workers = workers_for(launch, clusters, options);
  std::atomic<int64_t> next = 0;
  parallel_for(workers, static_cast<int>(workers), [&](int64_t) {
    const Stacks stacks(static_cast<size_t>(launch.threads * launch.cluster));
    state.begin();
    std::unique_ptr<KernelCopy> copy = kernel.take();
    for (int64_t i; (i = next++) < clusters && !state.found_any() && !state.is_over();)
      run_cluster(state, *copy, stacks, static_cast<int>(i) * launch.cluster, launch.cluster);
    kernel.give_back(std::move(copy));
  });
  if (options.stop.stop_requested()) fail_environment(fmt::format("{} was stopped", launch.name));
  Report report;
  report.hazards = std::move(state.hazards);
  report.blocks = grid;
  report.threads = grid * launch.threads;
  report.copies = state.copies;
  report.products = state.products;
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace warpfinch::emulator
