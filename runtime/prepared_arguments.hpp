// The kernel arguments of a plan for one set of pointers: tensor maps encoded, parameter arrays laid out.
// Made once per set, shared by every launch with it. Internal to runtime/.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "generator/plan.hpp"
#include "runtime/driver.hpp"
#include "runtime/loaded_plan.hpp"
#include "runtime/tile_counters.hpp"

namespace warpfinch {

class PreparedArguments {
 public:
  PreparedArguments(const Driver& driver, const Plan& plan, std::vector<DevicePointer> pointers,
                    DevicePointer workspace, DevicePointer counter);
  PreparedArguments(const PreparedArguments&) = delete;
  PreparedArguments& operator=(const PreparedArguments&) = delete;
  bool is_for(const std::vector<DevicePointer>& pointers, DevicePointer workspace) const {
    return workspace_ == workspace && pointers_ == pointers;
  }
  // What cuLaunchKernelEx takes for the plan's i-th launch. The driver reads it only, though its type is
  // not const.
  void** parameters(size_t launch) const { return parameters_[launch].data(); }

 private:
  union Value {
    CUtensorMap map;  // 64-byte aligned
    CUdeviceptr pointer;
  };
  std::vector<DevicePointer> pointers_;
  DevicePointer workspace_;
  std::vector<std::vector<Value>> values_;              // per launch, per argument
  mutable std::vector<std::vector<void*>> parameters_;  // addresses of values_
};

// The sets of pointers used last. A framework's allocator hands out few addresses per shape, so that a small
// ring is nearly always hit.
class ArgumentCache {
 public:
  std::shared_ptr<const PreparedArguments> find_or_prepare(const Driver& driver, const Plan& plan,
                                                           const std::vector<DevicePointer>& pointers,
                                                           DevicePointer workspace, TileCounters& counters);

 private:
  std::mutex mutex_;
  std::array<std::shared_ptr<const PreparedArguments>, 16> ring_;
  size_t oldest_ = 0;
};

}  // namespace warpfinch
