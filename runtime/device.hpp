// GPUs as the driver shows them. libcuda is opened at run time: everything here works, and says what is
// missing, on a machine without it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "generator/target.hpp"

namespace warpfinch {

struct DeviceInfo {
  std::string id;      // "cuda:0"
  int ordinal = 0;
  std::string name;    // "NVIDIA H200"
  std::string uuid;
  int compute_major = 0, compute_minor = 0;
  int multiprocessors = 0;
  int64_t memory_bytes = 0;
  std::string driver;  // "13.0 (580.159.04)" or the version that the driver API tells
};

// The devices; empty without a driver or a GPU, with the reason in *why when given.
std::vector<DeviceInfo> list_devices(std::string* why = nullptr);

// One open device: holds its primary context. Thread-safe.
class Device {
 public:
  // "cuda:0". Error (environment) when there is no driver or no such device; Error (input) for text that is
  // no device and for an architecture that no target describes.
  static std::shared_ptr<Device> open(std::string_view id);
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;
  virtual const Target& target() const = 0;  // the row of the table with this device's multiprocessors
};

}  // namespace warpfinch
