#include "runtime/emulator/fiber.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "generator/result.hpp"

namespace warpfinch::emulator {
namespace {

constexpr size_t kGuardBytes = 4096;

// The limit is the process's, and so is the count.
class FibersInUse {
 public:
  void take(size_t count) {
    std::unique_lock lock(mutex_);
    released_.wait(lock, [&] { return count_ == 0 || count_ + count <= Stacks::kMost; });
    count_ += count;
  }
  void give_back(size_t count) {
    const std::lock_guard lock(mutex_);
    count_ -= count;
    released_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  size_t count_ = 0;
};

FibersInUse& fibers_in_use() {
  static FibersInUse fibers;
  return fibers;
}

[[noreturn]] void fail(const char* call, size_t count) {
  const int code = errno;
  fibers_in_use().give_back(count);
  fail_environment(
      fmt::format("{} for the stacks of {} emulated threads: {}; {} bytes and {} mappings are needed "
                  "(ulimit -v, vm.overcommit_memory, vm.max_map_count)",
                  call, count, std::strerror(code), count * Stacks::kBytes, 2 * count));
}

}  // namespace

Stacks::Stacks(size_t count) : count_(count) {
  fibers_in_use().take(count);
  void* memory = mmap(nullptr, count * kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) fail("mmap", count);
  memory_ = static_cast<std::byte*>(memory);
  for (size_t i = 0; i < count; ++i) {
    if (mprotect(memory_ + i * kBytes, kGuardBytes, PROT_NONE) == 0) continue;
    const int code = errno;
    munmap(memory_, count * kBytes);
    errno = code;
    fail("mprotect", count);
  }
}

Stacks::~Stacks() {
  munmap(memory_, count_ * kBytes);
  fibers_in_use().give_back(count_);
}

}  // namespace warpfinch::emulator
