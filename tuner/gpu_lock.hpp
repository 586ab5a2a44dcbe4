// One worker at a time on a GPU: two that measure beside each other would both measure wrong. A lock on a
// file, so that it holds among processes and ends with them, however they end. Fits std::lock_guard.
#pragma once

#include <filesystem>
#include <string>

#include "runtime/descriptor.hpp"

namespace warpfinch {

class GpuLock {
 public:
  // Made where it is not there. Where it cannot be made or locked, or `file` is empty, nobody is kept out;
  // the log has one warning of that, but of an empty one.
  explicit GpuLock(const std::filesystem::path& file);

  void lock();
  void unlock();

 private:
  std::string name_;
  Descriptor file_;
};

}  // namespace warpfinch
