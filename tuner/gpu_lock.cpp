#include "tuner/gpu_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

#include "runtime/log.hpp"

namespace warpfinch {
namespace {

void warn_of(const std::string& file, const char* why) {
  logger()->warn("no lock on {} ({}): another tuning run on this GPU is not kept out, and both measure wrong",
                 file, why);
}

}  // namespace

GpuLock::GpuLock(const std::filesystem::path& file) : name_(file.string()) {
  if (file.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  file_ = Descriptor(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file_.number() < 0) warn_of(name_, std::strerror(errno));
}

void GpuLock::lock() {
  while (file_.number() >= 0 && flock(file_.number(), LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    warn_of(name_, std::strerror(errno));
    file_.close();  // so that it is said once
  }
}

void GpuLock::unlock() {
  if (file_.number() >= 0) flock(file_.number(), LOCK_UN);
}

}  // namespace warpfinch
