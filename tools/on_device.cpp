#include "tools/on_device.hpp"

#include <algorithm>
#include <thread>

#include "tools/selection.hpp"

namespace warpfinch {

std::shared_ptr<const LoadedPlan> load_plan(const std::shared_ptr<Device>& device, const Plan& plan) {
  KernelCache cache;
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return LoadedPlan::load(device, plan, take(compile(plan, *device, cache, threads), ErrorKind::input));
}

DeviceTensors::DeviceTensors(const std::shared_ptr<Device>& device, const std::vector<HostTensor>& tensors,
                             int64_t workspace_bytes) {
  memories_.reserve(tensors.size());
  for (const HostTensor& tensor : tensors) {
    memories_.emplace_back(device, tensor.data.size());
    memories_.back().upload(tensor.data.data(), tensor.data.size());
    pointers_.push_back(memories_.back().pointer());
  }
  if (workspace_bytes > 0)
    workspace_ = std::make_unique<DeviceMemory>(device, static_cast<size_t>(workspace_bytes));
}

void DeviceTensors::download_outputs(std::vector<HostTensor>& tensors) const {
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].buffer.output) memories_[i].download(tensors[i].data.data(), tensors[i].data.size());
}

}  // namespace warpfinch
