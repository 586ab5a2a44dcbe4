// A plan with its data on a GPU: what `run` and `bench` launch.
#pragma once

#include <memory>
#include <vector>

#include "runtime/device_memory.hpp"
#include "runtime/loaded_plan.hpp"
#include "runtime/workload.hpp"

namespace warpfinch {

// Compiles (or takes from the cache) and loads. Source that does not compile is an Error (input): the config
// or program made it.
std::shared_ptr<const LoadedPlan> load_plan(const std::shared_ptr<Device>& device, const Plan& plan);

class DeviceTensors {
 public:
  // Allocates and uploads every tensor, and a workspace of that many bytes.
  DeviceTensors(const std::shared_ptr<Device>& device, const std::vector<HostTensor>& tensors,
                int64_t workspace_bytes);
  const std::vector<DevicePointer>& pointers() const { return pointers_; }
  DevicePointer workspace() const { return workspace_ ? workspace_->pointer() : 0; }
  // Overwrites every output in `tensors` with what the device holds.
  void download_outputs(std::vector<HostTensor>& tensors) const;

 private:
  std::vector<DeviceMemory> memories_;
  std::vector<DevicePointer> pointers_;
  std::unique_ptr<DeviceMemory> workspace_;
};

}  // namespace warpfinch
