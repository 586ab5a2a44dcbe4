// Workers take turns on a GPU.
#include "tuner/gpu_lock.hpp"

#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <future>
#include <mutex>

#include "tests/runtime/temporary_folder.hpp"
#include "tests/runtime/warnings.hpp"

// Stands before the C library's: a file system without locks, as some network ones are.
static bool locks_are_supported = true;
extern "C" int flock(int file, int operation) noexcept {
  if (locks_are_supported) return static_cast<int>(syscall(SYS_flock, file, operation));
  errno = ENOLCK;
  return -1;
}

namespace warpfinch {
namespace {

using std::chrono::milliseconds;

TEST(GpuLocks, keep_the_second_out_until_the_first_is_done) {
  const TemporaryFolder folder;
  GpuLock first(folder.path() / "made/gpu.lock"), second(folder.path() / "made/gpu.lock");
  first.lock();
  auto waiting = std::async(std::launch::async, [&] { second.lock(); });
  EXPECT_EQ(waiting.wait_for(milliseconds(100)), std::future_status::timeout);
  first.unlock();
  EXPECT_EQ(waiting.wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(GpuLocks, end_with_the_process_that_held_them) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "gpu.lock";
  const pid_t child = fork();
  if (child == 0) {
    GpuLock lock(file);
    lock.lock();
    _exit(0);  // killed, as far as the lock can tell
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  GpuLock lock(file);
  auto taken = std::async(std::launch::async, [&] { lock.lock(); });
  EXPECT_EQ(taken.wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(GpuLocks, a_place_where_none_can_be_made_keeps_nobody_out) {
  for (const char* nowhere : {"", "/proc/none/gpu.lock"}) {
    GpuLock lock{std::filesystem::path(nowhere)};
    const std::lock_guard guard(lock);
  }
}

TEST(GpuLocks, that_the_file_system_does_not_have_are_said_once_to_be_missing) {
  const TemporaryFolder folder;
  locks_are_supported = false;
  const std::string warning = warnings_of([&] {
    GpuLock lock(folder.path() / "gpu.lock");
    for (int i = 0; i < 2; ++i) const std::lock_guard guard(lock);
  });
  locks_are_supported = true;
  EXPECT_EQ(std::count(warning.begin(), warning.end(), '\n'), 1) << warning;
  EXPECT_NE(warning.find("gpu.lock (No locks available)"), std::string::npos) << warning;
}

}  // namespace
}  // namespace warpfinch
