// The Device that stands on the CUDA driver, and the guard that makes its context current. Internal to
// runtime/, for the files that call the driver.
#pragma once

#include <memory>

#include "runtime/device.hpp"
#include "runtime/driver.hpp"

namespace warpfinch {

class DriverDevice final : public Device {
 public:
  // Retains the primary context of `info.ordinal`. The driver's table must outlive the device.
  DriverDevice(const Driver& driver, DeviceInfo info);
  ~DriverDevice() override;
  DriverDevice(const DriverDevice&) = delete;
  DriverDevice& operator=(const DriverDevice&) = delete;
  const DeviceInfo& info() const override { return info_; }
  const Target& target() const override { return target_; }
  DevicePointer allocate(size_t bytes) const override;
  void free(DevicePointer pointer) const override;
  void fill(DevicePointer to, unsigned char value, size_t bytes) const override;
  void upload(DevicePointer to, const void* from, size_t bytes) const override;
  void download(void* to, DevicePointer from, size_t bytes) const override;
  void synchronize() const override;
  Expected<CompiledKernel> compile(const CudaSource& source, KernelCache& cache) const override;
  std::shared_ptr<const LoadedPlan> load(Plan plan, const std::vector<CompiledKernel>& kernels) override;
  const Driver& driver() const { return driver_; }
  CUdevice handle() const { return handle_; }
  CUcontext context() const { return context_; }

 private:
  const Driver& driver_;
  DeviceInfo info_;
  Target target_;
  CUdevice handle_ = 0;
  CUcontext context_ = nullptr;
};

// list_devices, device_info and Device::open over a given driver; the public ones pass the installed one.
std::vector<DeviceInfo> list_devices(const Driver& driver);
DeviceInfo device_info(const Driver& driver, std::string_view id);
std::shared_ptr<Device> open_device(const Driver& driver, std::string_view id);

// For what only a GPU can do, such as timing. Error (input) for the emulator.
const DriverDevice& driver_device(const Device& device);

// Makes the device's context current, and the caller's again at the end of the scope.
class CurrentContext {
 public:
  explicit CurrentContext(const DriverDevice& device);
  ~CurrentContext();
  CurrentContext(const CurrentContext&) = delete;
  CurrentContext& operator=(const CurrentContext&) = delete;

 private:
  const Driver& driver_;
  bool pushed_ = false;
};

}  // namespace warpfinch
