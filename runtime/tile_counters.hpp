// Where the blocks of tile_order=dynamic claim their tiles: words of device memory that are zero when the
// plan is loaded and that every launch leaves at zero. Launches in flight at a time need one each. They
// cannot share outputs, so each first output has its word, and keeps it: a captured graph may be replayed at
// any time. A plan that has run out of words gives none, and its kernels walk in a fixed order. Internal to
// runtime/.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "runtime/driver_device.hpp"

namespace warpfinch {

class TileCounters {
 public:
  static constexpr size_t kCounters = 4096;
  TileCounters(std::shared_ptr<const DriverDevice> device, const Plan& plan);
  ~TileCounters();
  TileCounters(const TileCounters&) = delete;
  TileCounters& operator=(const TileCounters&) = delete;
  // The word for a launch with these pointers, one per Plan::buffers; 0 where there is none.
  DevicePointer of(const std::vector<DevicePointer>& pointers);

 private:
  std::shared_ptr<const DriverDevice> device_;
  size_t output_;  // index into Plan::buffers
  DevicePointer memory_ = 0;
  std::mutex mutex_;
  std::unordered_map<DevicePointer, size_t> taken_;  // by output
};

}  // namespace warpfinch
