// A plan: its launches in order, on the caller's buffers.
#include <fmt/format.h>

#include <cassert>

#include "runtime/emulator/emulator.hpp"

namespace warpfinch::emulator {
namespace {

std::byte* place_of(const BufferRef& ref, const std::vector<std::byte*>& buffers, std::byte* workspace) {
  return (ref.buffer < 0 ? workspace : buffers.at(static_cast<size_t>(ref.buffer))) + ref.offset;
}

std::vector<Allocation> memory_of(const Plan& plan, const std::vector<std::byte*>& buffers,
                                  std::byte* workspace) {
  std::vector<Allocation> memory;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Buffer& buffer = plan.buffers[i];
    memory.push_back(
        {buffers[i], static_cast<size_t>(extent(buffer) * size_of(buffer.type)), buffer.name, buffer.output});
  }
  if (plan.workspace_bytes > 0)
    memory.push_back({workspace, static_cast<size_t>(plan.workspace_bytes), "workspace", true});
  return memory;
}

// The next launch begins with what this one leaves.
void check_counter(uint32_t counter, const Launch& launch, Report& report) {
  if (counter == 0 || !report.clean()) return;
  report.hazards.push_back(
      {"wrong counter",
       fmt::format("wrong counter: {} leaves its counter of tiles at {}, not at 0 (of {} tiles)", launch.name,
                   counter, launch.tiles)});
}

void add(Report& sum, Report part) {
  sum.hazards.insert(sum.hazards.end(), part.hazards.begin(), part.hazards.end());
  sum.blocks += part.blocks;
  sum.threads += part.threads;
  sum.copies += part.copies;
  sum.products += part.products;
  sum.seconds += part.seconds;
}

}  // namespace

Report run(const std::vector<std::shared_ptr<const BuiltKernel>>& kernels, const Plan& plan,
           const std::vector<std::byte*>& buffers, std::byte* workspace, int multiprocessors,
           const Options& options) {
  assert(kernels.size() == plan.launches.size() && buffers.size() == plan.buffers.size());
  std::vector<Allocation> memory = memory_of(plan, buffers, workspace);
  uint32_t counter = 0;
  auto* const claims = reinterpret_cast<std::byte*>(&counter);
  memory.push_back({claims, sizeof(counter), "tile_counter", true});
  Report sum;
  for (size_t i = 0; i < kernels.size() && sum.clean(); ++i) {
    const Launch& launch = plan.launches[i];
    std::vector<std::byte*> addresses;
    for (const Argument& argument : launch.arguments)
      addresses.push_back(argument.kind != Argument::Kind::counter
                              ? place_of(argument.buffer, buffers, workspace)
                          : options.counters ? claims
                                             : nullptr);
    add(sum, run(*kernels[i], launch, grid_size(launch, multiprocessors), addresses, memory, options));
    check_counter(counter, launch, sum);
  }
  return sum;
}

}  // namespace warpfinch::emulator
