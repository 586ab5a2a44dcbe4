// Work over threads is done also where the system has none to give.
#include "runtime/parallel.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace warpfinch {
namespace {

// Another thread's stack is more than the address space has left.
bool no_thread_can_be_made() {
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = 1 << 20;
  setrlimit(RLIMIT_AS, &limit);
  try {
    std::thread([] {}).join();
    return false;
  } catch (const std::system_error&) {
    return true;
  }
}

TEST(ParallelFor, does_without_threads_what_it_gets_none_for) {
  const pid_t child = fork();
  if (child == 0) {
    if (!no_thread_can_be_made()) _exit(2);
    std::atomic<int> done = 0;
    parallel_for(5, 4, [&](int64_t) { ++done; });
    _exit(done == 5 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace warpfinch
