// A plan on a device: kernels loaded, launches prepared. Launching allocates nothing on the device,
// synchronises nothing and is safe inside stream capture.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "generator/plan.hpp"
#include "runtime/compiler.hpp"
#include "runtime/device.hpp"

namespace warpfinch {

using DevicePointer = uint64_t;

class LoadedPlan {
 public:
  // Loads the cubins (cuLibrary), sets the shared-memory limits. Error (environment) with the driver's word.
  static std::shared_ptr<const LoadedPlan> load(std::shared_ptr<Device> device, Plan plan,
                                                const std::vector<CompiledKernel>& kernels);
  virtual ~LoadedPlan() = default;
  virtual const Plan& plan() const = 0;
  // Enqueues every launch of the plan on `stream` (a CUstream; nullptr: the legacy default stream).
  // pointers: one per Plan::buffers. Error (input): wrong count, null or misaligned pointer, no workspace
  // where the plan needs one. Tensor maps are encoded per call and cached by pointer. Thread-safe.
  virtual void launch(const std::vector<DevicePointer>& pointers, DevicePointer workspace,
                      void* stream) const = 0;
};

}  // namespace warpfinch
