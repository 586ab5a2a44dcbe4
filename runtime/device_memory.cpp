#include "runtime/device_memory.hpp"

#include <utility>

namespace warpfinch {

DeviceMemory::DeviceMemory(std::shared_ptr<Device> device, size_t bytes)
    : device_(std::move(device)), bytes_(bytes) {
  if (bytes_ > 0) pointer_ = device_->allocate(bytes_);  // the driver refuses to allocate nothing
}

// Errors are not looked at: a context that a kernel has broken frees nothing, and goes with the process.
DeviceMemory::~DeviceMemory() {
  if (pointer_ == 0) return;
  try {
    device_->free(pointer_);
  } catch (const Error&) {
  }
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : device_(std::move(other.device_)),
      pointer_(std::exchange(other.pointer_, 0)),
      bytes_(std::exchange(other.bytes_, 0)) {}

void DeviceMemory::fill(unsigned char value) {
  if (bytes_ > 0) device_->fill(pointer_, value, bytes_);
}

void DeviceMemory::upload(const void* host, size_t bytes) {
  assert(bytes <= bytes_);
  if (bytes > 0) device_->upload(pointer_, host, bytes);
}

void DeviceMemory::download(void* host, size_t bytes) const {
  assert(bytes <= bytes_);
  if (bytes > 0) device_->download(host, pointer_, bytes);
}

void synchronize(Device& device) { device.synchronize(); }

}  // namespace warpfinch
