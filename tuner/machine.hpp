// Where kernels are compiled and run.
#pragma once

#include <string>

#include "generator/fields.hpp"
#include "runtime/device.hpp"

namespace warpfinch {

// Rows of one device and target answer each other's look-ups; a difference in the rest marks the answer. A
// fact that is empty or 0 is not known.
struct Machine {
  std::string device = {};        // DeviceInfo::name, or "model:sm_90a"
  std::string driver = {};        // empty where none was asked
  std::string nvrtc = {};         // of an evaluation: that compiled it; empty when nothing was compiled
  std::string target = "sm_90a";  // rows from before there was another one do not say it
  int multiprocessors = 0;
  int64_t memory_bytes = 0;
  bool operator==(const Machine&) const = default;
  static constexpr auto fields() {
    return std::tuple{core("device", &Machine::device),
                      core("driver", &Machine::driver),
                      core("nvrtc", &Machine::nvrtc),
                      optional("target", &Machine::target),
                      optional("multiprocessors", &Machine::multiprocessors),
                      optional("memory_bytes", &Machine::memory_bytes)};
  }
};

// nvrtc: nvrtc_version(), or empty where nobody has opened it yet, which takes longer than a look-up.
Machine machine_of(const DeviceInfo& info, const Target& target, const std::string& nvrtc);
// What `there` knows otherwise than `here`, both knowing it: "driver 12.4, nvrtc 12.8"; device and target are
// not looked at.
std::string differences(const Machine& here, const Machine& there);

}  // namespace warpfinch
