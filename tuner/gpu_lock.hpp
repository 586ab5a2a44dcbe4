// One worker at a time on a GPU: two that measure beside each other would both measure wrong. A lock on a
// file, so that it holds among processes and ends with them, however they end. Fits std::lock_guard.
#pragma once

#include <filesystem>

namespace warpfinch {

class GpuLock {
 public:
  // Made where it is not there. Where it cannot be made, or `file` is empty, nobody is kept out.
  explicit GpuLock(const std::filesystem::path& file);
  ~GpuLock();
  GpuLock(const GpuLock&) = delete;
  GpuLock& operator=(const GpuLock&) = delete;

  void lock();
  void unlock();

 private:
  int file_ = -1;
};

}  // namespace warpfinch
