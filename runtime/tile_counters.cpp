#include "runtime/tile_counters.hpp"

#include <algorithm>

namespace warpfinch {
namespace {

constexpr size_t kBytes = 4;  // of a word

bool claims_tiles(const Launch& launch) {
  return std::any_of(launch.arguments.begin(), launch.arguments.end(),
                     [](const Argument& argument) { return argument.kind == Argument::Kind::counter; });
}

size_t first_output(const Plan& plan) {
  return static_cast<size_t>(std::find_if(plan.buffers.begin(), plan.buffers.end(),
                                          [](const Buffer& buffer) { return buffer.output; }) -
                             plan.buffers.begin());
}

}  // namespace

TileCounters::TileCounters(std::shared_ptr<const DriverDevice> device, const Plan& plan)
    : device_(std::move(device)), output_(first_output(plan)) {
  if (output_ == plan.buffers.size() ||
      std::none_of(plan.launches.begin(), plan.launches.end(), claims_tiles))
    return;
  memory_ = device_->allocate(kCounters * kBytes);
  device_->fill(memory_, 0, kCounters * kBytes);
}

// Errors are not looked at: a context that a kernel has broken frees nothing, and goes with the process.
TileCounters::~TileCounters() {
  if (memory_ == 0) return;
  try {
    device_->free(memory_);
  } catch (const Error&) {
  }
}

DevicePointer TileCounters::of(const std::vector<DevicePointer>& pointers) {
  if (memory_ == 0) return 0;
  const std::lock_guard lock(mutex_);
  const auto known = taken_.find(pointers[output_]);
  if (known != taken_.end()) return memory_ + known->second * kBytes;
  if (taken_.size() == kCounters) return 0;
  const size_t next = taken_.size();
  taken_.emplace(pointers[output_], next);
  return memory_ + next * kBytes;
}

}  // namespace warpfinch
