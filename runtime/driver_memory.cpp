// Memory of a GPU. Every copy and fill waits before it returns: streams that do not follow the legacy default
// one (measure's own) may use the memory next.
#include <fmt/format.h>

#include "runtime/driver_device.hpp"

namespace warpfinch {

DevicePointer DriverDevice::allocate(size_t bytes) const {
  const CurrentContext current(*this);
  CUdeviceptr pointer = 0;
  const CUresult code = driver_.mem_alloc(&pointer, bytes);
  if (code != CUDA_SUCCESS) check(driver_, code, "cuMemAlloc", fmt::format("{} bytes", bytes));
  return pointer;
}

void DriverDevice::free(DevicePointer pointer) const {
  const CurrentContext current(*this);
  driver_.mem_free(pointer);
}

void DriverDevice::fill(DevicePointer to, unsigned char value, size_t bytes) const {
  const CurrentContext current(*this);
  check(driver_, driver_.memset_d8(to, value, bytes), "cuMemsetD8");
  check(driver_, driver_.ctx_synchronize(), "cuCtxSynchronize");
}

void DriverDevice::upload(DevicePointer to, const void* from, size_t bytes) const {
  const CurrentContext current(*this);
  check(driver_, driver_.memcpy_htod(to, from, bytes), "cuMemcpyHtoD");
  check(driver_, driver_.ctx_synchronize(), "cuCtxSynchronize");
}

void DriverDevice::download(void* to, DevicePointer from, size_t bytes) const {
  const CurrentContext current(*this);
  check(driver_, driver_.ctx_synchronize(), "cuCtxSynchronize");
  check(driver_, driver_.memcpy_dtoh(to, from, bytes), "cuMemcpyDtoH");
}

void DriverDevice::synchronize() const {
  const CurrentContext current(*this);
  check(driver_, driver_.ctx_synchronize(), "cuCtxSynchronize", info_.id);
}

}  // namespace warpfinch
