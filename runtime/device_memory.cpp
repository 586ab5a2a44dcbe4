#include "runtime/device_memory.hpp"

#include <fmt/format.h>

#include <utility>

#include "runtime/driver_device.hpp"

namespace warpfinch {

DeviceMemory::DeviceMemory(std::shared_ptr<Device> device, size_t bytes)
    : device_(std::move(device)), bytes_(bytes) {
  if (bytes_ == 0) return;  // the driver refuses to allocate nothing
  const DriverDevice& on = driver_device(*device_);
  const CurrentContext current(on);
  CUdeviceptr pointer = 0;
  const CUresult code = on.driver().mem_alloc(&pointer, bytes_);
  if (code != CUDA_SUCCESS) check(on.driver(), code, "cuMemAlloc", fmt::format("{} bytes", bytes_));
  pointer_ = pointer;
}

// Errors are not looked at: a context that a kernel has broken frees nothing, and goes with the process.
DeviceMemory::~DeviceMemory() {
  if (pointer_ == 0) return;
  try {
    const DriverDevice& on = driver_device(*device_);
    const CurrentContext current(on);
    on.driver().mem_free(pointer_);
  } catch (const Error&) {
  }
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : device_(std::move(other.device_)),
      pointer_(std::exchange(other.pointer_, 0)),
      bytes_(std::exchange(other.bytes_, 0)) {}

// Every function here waits before it returns: streams that do not follow the legacy default one (measure's
// own) may use the memory next.
void DeviceMemory::fill(unsigned char value) {
  if (bytes_ == 0) return;
  const DriverDevice& on = driver_device(*device_);
  const CurrentContext current(on);
  check(on.driver(), on.driver().memset_d8(pointer_, value, bytes_), "cuMemsetD8");
  check(on.driver(), on.driver().ctx_synchronize(), "cuCtxSynchronize");
}

void DeviceMemory::upload(const void* host, size_t bytes) {
  assert(bytes <= bytes_);
  if (bytes == 0) return;
  const DriverDevice& on = driver_device(*device_);
  const CurrentContext current(on);
  check(on.driver(), on.driver().memcpy_htod(pointer_, host, bytes), "cuMemcpyHtoD");
  check(on.driver(), on.driver().ctx_synchronize(), "cuCtxSynchronize");
}

void DeviceMemory::download(void* host, size_t bytes) const {
  assert(bytes <= bytes_);
  if (bytes == 0) return;
  const DriverDevice& on = driver_device(*device_);
  const CurrentContext current(on);
  check(on.driver(), on.driver().ctx_synchronize(), "cuCtxSynchronize");
  check(on.driver(), on.driver().memcpy_dtoh(host, pointer_, bytes), "cuMemcpyDtoH");
}

void synchronize(Device& device) {
  const DriverDevice& on = driver_device(device);
  const CurrentContext current(on);
  check(on.driver(), on.driver().ctx_synchronize(), "cuCtxSynchronize", device.info().id);
}

}  // namespace warpfinch
