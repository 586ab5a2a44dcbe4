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

class LoadedPlan {
 public:
  // kernels: what the device's own compile() made. Loads them (of a GPU: cuLibrary), sets the shared-memory
  // limits. Error (environment) with the driver's word.
  static std::shared_ptr<const LoadedPlan> load(std::shared_ptr<Device> device, Plan plan,
                                                const std::vector<CompiledKernel>& kernels);
  virtual ~LoadedPlan() = default;
  virtual const Plan& plan() const = 0;
  // Enqueues every launch of the plan on `stream` (a CUstream; nullptr: the legacy default stream).
  // pointers: one per Plan::buffers. Error (input): wrong count, null or misaligned pointer, no workspace
  // where the plan needs one. Launches in flight at a time must not share outputs or workspace. Tensor maps
  // are encoded per call and cached by pointer. Thread-safe. On the emulator the kernels run before it
  // returns, whatever the stream, and HazardError says what was wrong.
  virtual void launch(const std::vector<DevicePointer>& pointers, DevicePointer workspace,
                      void* stream) const = 0;
};

// What every launch looks at first; Error (input) as above. The count is apart for whoever has to look at it
// before he reads the pointers.
void check_pointer_count(const Plan& plan, size_t count);
void check_pointers(const Plan& plan, const std::vector<DevicePointer>& pointers, DevicePointer workspace);

}  // namespace warpfinch
