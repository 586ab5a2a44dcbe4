// Random problems with random valid configs, on the GPU, against the float64 reference. From the environment:
// WARPFINCH_RANDOM_PAIRS (40), WARPFINCH_RANDOM_SEED (1): the first problem's, WARPFINCH_RANDOM_CONFIGS (1):
// pairs per problem, which share its inputs and reference, WARPFINCH_RANDOM_OPERATION: only these problems,
// WARPFINCH_RANDOM_DEVICE ("cuda:0"; with ",target=sm_90" kernels of another family),
// WARPFINCH_RANDOM_OUTPUT: a file for what was covered. A kernel that does not end takes the GPU with it, so
// a watchdog names the pair and ends the test.
#include <fmt/chrono.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <mutex>
#include <thread>

#include "runtime/accuracy.hpp"
#include "runtime/compiler.hpp"
#include "runtime/device.hpp"
#include "runtime/loaded_plan.hpp"
#include "runtime/parallel.hpp"
#include "runtime/run_once.hpp"
#include "runtime/workload.hpp"
#include "tests/generator/random_pair.hpp"
#include "tests/gpu/coverage.hpp"

namespace warpfinch {
namespace {

struct Pair : RandomPair {
  std::vector<CompiledKernel> kernels = {};
  std::string refused = {};  // why it has no kernels
};

constexpr int kPairs = 40;

std::string text_from_environment(const char* name, const char* otherwise) {
  const char* text = std::getenv(name);
  return text ? text : otherwise;
}

// Empty: all.
std::string wanted_operation() { return text_from_environment("WARPFINCH_RANDOM_OPERATION", ""); }

std::string wanted_device() { return text_from_environment("WARPFINCH_RANDOM_DEVICE", "cuda:0"); }

std::string to_paste(const Plan& plan) {
  return "warpfinch run --check --problem '" + plan.problem + "' --config '" + plan.config + "'";
}

// In one thread; only compilation is parallel.
std::vector<Pair> make_pairs(size_t count, const Target& target, uint64_t seed) {
  const int per_problem = from_environment("WARPFINCH_RANDOM_CONFIGS", 1);
  const std::string wanted = wanted_operation();
  std::vector<Pair> pairs;
  for (; pairs.size() < count; ++seed) {
    const Problem problem = random_problem(seed);
    if (!wanted.empty() && operation(problem) != wanted) continue;
    const ConfigSpace space = widened(config_space(problem, target));
    std::mt19937_64 random(seed);
    for (int i = 0; i < per_problem && pairs.size() < count; ++i) {
      auto pair = random_pair(seed, space, random);
      pairs.push_back(pair ? Pair{std::move(*pair)}
                           : Pair{{.seed = seed, .problem = problem, .config = {}, .plan = {}}});
      if (!pair) pairs.back().refused = no_config_for(problem);
    }
  }
  return pairs;
}

void compile_pairs(std::vector<Pair>& pairs) {
  std::atomic<size_t> next{0};
  const auto work = [&] {
    KernelCache cache;
    for (size_t i; (i = next++) < pairs.size();) {
      if (!pairs[i].refused.empty()) continue;
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

// The tensors of one problem, and its reference.
class Bench {
 public:
  Bench(const std::shared_ptr<Device>& device, const Pair& pair)
      : seed(pair.seed),
        device_(device),
        tensors_(workload(buffers(pair.problem), pair.seed)),
        check_(pair.problem, tensors_, machine_threads()) {}

  const uint64_t seed;

  // What stands between the elements of an output counts too, so everything is laid out anew.
  Accuracy run(const Pair& pair) {
    std::vector<HostTensor> tensors = tensors_;
    run_once(device_, *LoadedPlan::load(device_, pair.plan, pair.kernels), tensors);
    return check_(tensors);
  }

 private:
  std::shared_ptr<Device> device_;
  std::vector<HostTensor> tensors_;
  AccuracyCheck check_;
};

void tell(const Coverage& coverage, const Device& device) {
  const std::string text = coverage.text();
  std::printf("%s", text.substr(0, text.find("\n\n") + 1).c_str());
  const char* output = std::getenv("WARPFINCH_RANDOM_OUTPUT");
  if (!output) return;
  std::ofstream(output)
      << fmt::format(
             "# date: {:%Y-%m-%d}\n# device: {}, driver {}, NVRTC {}\n# command: "
             "WARPFINCH_RANDOM_PAIRS={} WARPFINCH_RANDOM_CONFIGS={} WARPFINCH_RANDOM_SEED={} "
             "WARPFINCH_RANDOM_OPERATION={} WARPFINCH_RANDOM_DEVICE={} build/tests/gpu_tests "
             "--gtest_filter='GpuRandom*'\n",
             fmt::gmtime(std::time(nullptr)), device.info().name, device.info().driver, nvrtc_version(),
             from_environment("WARPFINCH_RANDOM_PAIRS", kPairs),
             from_environment("WARPFINCH_RANDOM_CONFIGS", 1), from_environment("WARPFINCH_RANDOM_SEED", 1),
             wanted_operation(), wanted_device())
      << text;
}

TEST(GpuRandom, PairsAreRight) {
  std::string why;
  if (list_devices(&why).empty()) GTEST_SKIP() << "skipped, no GPU: " << why;
  const auto device = Device::open(wanted_device());
  std::vector<Pair> pairs = make_pairs(from_environment("WARPFINCH_RANDOM_PAIRS", kPairs), device->target(),
                                       from_environment("WARPFINCH_RANDOM_SEED", 1));
  compile_pairs(pairs);
  Watchdog watchdog(std::chrono::seconds(60));
  Coverage coverage;
  std::unique_ptr<Bench> bench;
  for (Pair& pair : pairs) {
    if (!pair.refused.empty()) {
      ADD_FAILURE() << "seed " << pair.seed << ": " << pair.refused;
      coverage.refuse();
      continue;
    }
    watchdog.alive(to_paste(pair.plan));
    if (!bench || bench->seed != pair.seed) bench = std::make_unique<Bench>(device, pair);
    const Accuracy accuracy = bench->run(pair);
    EXPECT_TRUE(accuracy.right()) << accuracy.worst << " (" << accuracy.max_error << " of the bound)\n"
                                  << to_paste(pair.plan);
    coverage.add(pair.plan.problem, pair.plan.config, accuracy);
    pair.kernels.clear();
  }
  tell(coverage, *device);
}

}  // namespace
}  // namespace warpfinch
