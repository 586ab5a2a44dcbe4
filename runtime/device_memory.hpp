// Device memory for checks and measurements: allocate, fill, copy. Error (environment) with the driver's
// word.
#pragma once

#include <cstddef>
#include <memory>

#include "runtime/device.hpp"
#include "runtime/loaded_plan.hpp"

namespace warpfinch {

class DeviceMemory {
 public:
  DeviceMemory(std::shared_ptr<Device> device, size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&&) = delete;
  DevicePointer pointer() const { return pointer_; }
  size_t bytes() const { return bytes_; }
  void fill(unsigned char value);                       // synchronous
  void upload(const void* host, size_t bytes);          // synchronous
  void download(void* host, size_t bytes) const;        // synchronous

 private:
  std::shared_ptr<Device> device_;
  DevicePointer pointer_ = 0;
  size_t bytes_ = 0;
};

// Waits for everything on the device; Error (environment) carries what a kernel did wrong.
void synchronize(Device& device);

}  // namespace warpfinch
