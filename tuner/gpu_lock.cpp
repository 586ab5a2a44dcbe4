#include "tuner/gpu_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/log.hpp"

namespace warpfinch {

GpuLock::GpuLock(const std::filesystem::path& file) {
  if (file.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  file_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0)
    logger()->warn("{}: cannot be made ({}); another tuning run on this GPU would not be kept out",
                   file.string(), std::strerror(errno));
}

GpuLock::~GpuLock() {
  if (file_ >= 0) close(file_);
}

void GpuLock::lock() {
  while (file_ >= 0 && flock(file_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

void GpuLock::unlock() {
  if (file_ >= 0) flock(file_, LOCK_UN);
}

}  // namespace warpfinch
