// NVRTC leaves the process's signal handlers alone, also while it compiles.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "runtime/compile_with.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

void ours(int) {}

// What is done at each signal, as the kernel tells it.
std::vector<struct sigaction> actions() {
  std::vector<struct sigaction> all;
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0) all.push_back(action);
  }
  return all;
}

bool is_same(const struct sigaction& a, const struct sigaction& b) {
  for (int signal = 1; signal < NSIG; ++signal)
    if (sigismember(&a.sa_mask, signal) != sigismember(&b.sa_mask, signal)) return false;
  return a.sa_handler == b.sa_handler && a.sa_flags == b.sa_flags;
}

bool is_same(const std::vector<struct sigaction>& a, const std::vector<struct sigaction>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& one, const auto& other) { return is_same(one, other); });
}

TEST(KeepHandlers, nvrtc_changes_none_at_any_moment) {
  std::string why;
  if (nvrtc_version(&why).empty()) GTEST_SKIP() << "skipped: " << why;
  struct sigaction own {};
  own.sa_handler = ours;
  own.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (int signal : {SIGINT, SIGTERM}) sigaction(signal, &own, nullptr);
  const auto before = actions();
  std::atomic<bool> done = false;
  int looks = 0, others = 0;
  std::thread watcher([&] {
    for (; !done; ++looks) others += !is_same(actions(), before);
  });
  const TemporaryFolder folder;
  std::vector<std::thread> compilers;
  for (int i = 0; i < 2; ++i)  // beside each other, as the tuner does
    compilers.emplace_back([&, i] {
      KernelCache cache(folder.path());
      CudaSource source;
      source.entry = "k";
      source.target = "sm_90a";
      source.kernel =
          "extern \"C\" __global__ void k(float* x) { x[threadIdx.x] = " + std::to_string(i) + "; }";
      EXPECT_TRUE(compile(source, cache));
    });
  for (std::thread& compiler : compilers) compiler.join();
  done = true;
  watcher.join();
  EXPECT_EQ(others, 0) << "of " << looks << " looks";
  EXPECT_TRUE(is_same(actions(), before));
  for (int signal : {SIGINT, SIGTERM}) ::signal(signal, SIG_DFL);
}

}  // namespace
}  // namespace warpfinch
