// The line to paste: the call of `warpfinch run` that shows again what an emulated launch did.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/workload.hpp"

namespace warpfinch::emulator {

struct RunLine {
  std::string device;  // DeviceInfo::id
  std::string problem = {}, config = {};
  std::string program = {};  // a file, in place of problem and config
  uint64_t input_seed = 0;
  double spread = 1;
  InputKind inputs = InputKind::random;
  std::vector<std::string> tensors = {};
  bool check = false;
};
// For a POSIX shell, without what is the default.
std::string to_text(const RunLine& line);

}  // namespace warpfinch::emulator
