// Random problems with random valid configs, on the GPU, against the float64 reference. The number of pairs
// is WARPFINCH_RANDOM_PAIRS (40), the first seed WARPFINCH_RANDOM_SEED (1). A kernel that does not end takes
// the GPU with it, so a watchdog names the pair and ends the test.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "runtime/accuracy.hpp"
#include "runtime/compiler.hpp"
#include "runtime/device.hpp"
#include "runtime/run_once.hpp"
#include "runtime/workload.hpp"
#include "tests/generator/random_pair.hpp"

namespace warpfinch {
namespace {

struct Pair : RandomPair {
  std::vector<CompiledKernel> kernels;
  std::string refused;  // why it has none
};

std::string to_paste(const Plan& plan) {
  return "warpfinch run --check --problem '" + plan.problem + "' --config '" + plan.config + "'";
}

// In one thread; only compilation is parallel.
std::vector<Pair> make_pairs(size_t count, const Target& target, uint64_t first_seed) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < count; ++i)
    if (auto pair = random_pair(first_seed + i, target)) pairs.push_back({std::move(*pair), {}, {}});
  return pairs;
}

void compile_pairs(std::vector<Pair>& pairs) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    KernelCache cache;
    for (size_t i; (i = next++) < pairs.size();) {
      auto kernels = compile(pairs[i].plan, cache, 1);
      if (kernels)
        pairs[i].kernels = std::move(*kernels);
      else
        pairs[i].refused = kernels.rejection().reason + "\n" + to_paste(pairs[i].plan);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
}

// Ends the process when nobody says `alive` for that long.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::seconds limit) : limit_(limit), thread_([this] { watch(); }) {}
  ~Watchdog() {
    done_ = true;
    thread_.join();
  }
  void alive(const std::string& next) {
    std::lock_guard lock(mutex_);
    text_ = next;
    since_ = std::chrono::steady_clock::now();
  }

 private:
  void watch() {
    while (!done_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      std::lock_guard lock(mutex_);
      if (std::chrono::steady_clock::now() - since_ < limit_) continue;
      std::fprintf(stderr, "does not end: %s\n", text_.c_str());
      std::_Exit(1);
    }
  }
  std::chrono::seconds limit_;
  std::mutex mutex_;
  std::string text_;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  std::atomic<bool> done_{false};
  std::thread thread_;
};

Accuracy run(const std::shared_ptr<Device>& device, const Pair& pair) {
  std::vector<HostTensor> tensors = workload(pair.plan.buffers, pair.seed);
  run_once(device, *LoadedPlan::load(device, pair.plan, pair.kernels), tensors);
  return check_accuracy(pair.problem, tensors, 8);
}

TEST(GpuRandom, PairsAreRight) {
  std::string why;
  if (list_devices(&why).empty()) GTEST_SKIP() << "skipped, no GPU: " << why;
  const auto device = Device::open("cuda:0");
  std::vector<Pair> pairs = make_pairs(from_environment("WARPFINCH_RANDOM_PAIRS", 40), device->target(),
                                       from_environment("WARPFINCH_RANDOM_SEED", 1));
  compile_pairs(pairs);
  Watchdog watchdog(std::chrono::seconds(60));
  int64_t elements = 0;
  std::map<std::string, int> per_operation;
  double largest = 0;
  for (const Pair& pair : pairs) {
    if (!pair.refused.empty()) {
      ADD_FAILURE() << "seed " << pair.seed << ": " << pair.refused;
      continue;
    }
    watchdog.alive(to_paste(pair.plan));
    const Accuracy accuracy = run(device, pair);
    EXPECT_TRUE(accuracy.right()) << accuracy.worst << " (" << accuracy.max_error << " of the bound)\n"
                                  << to_paste(pair.plan);
    ++per_operation[std::string(operation(pair.problem))];
    elements += accuracy.checked;
    largest = std::max(largest, accuracy.max_error);
  }
  for (const auto& [name, count] : per_operation) std::printf("%s: %d pairs\n", name.c_str(), count);
  std::printf("%zu pairs, %ld elements, largest error %.3f of the bound\n", pairs.size(), elements, largest);
}

}  // namespace
}  // namespace warpfinch
