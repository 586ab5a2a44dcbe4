// Random problems with random valid configs, on the GPU, against the float64 reference. From the environment:
// WARPFINCH_RANDOM_PAIRS (40), WARPFINCH_RANDOM_SEED (1): the first problem's, WARPFINCH_RANDOM_CONFIGS (1):
// pairs per problem, which share its inputs and reference, WARPFINCH_RANDOM_OPERATION: only these problems,
// WARPFINCH_RANDOM_OUTPUT: a file for what was covered. A kernel that does not end takes the GPU with it, so
// a watchdog names the pair and ends the test.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "runtime/accuracy.hpp"
#include "runtime/compiler.hpp"
#include "runtime/device.hpp"
#include "runtime/device_memory.hpp"
#include "runtime/loaded_plan.hpp"
#include "runtime/parallel.hpp"
#include "runtime/workload.hpp"
#include "tests/generator/arbitrary_problem.hpp"
#include "tests/gpu/coverage.hpp"

namespace warpfinch {
namespace {

int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

struct Pair {
  uint64_t seed = 0;
  Problem problem;
  Plan plan;
  std::vector<CompiledKernel> kernels;
  std::string refused;  // why it has no kernels
};

std::string to_paste(const Plan& plan) {
  return "warpfinch run --check --problem '" + plan.problem + "' --config '" + plan.config + "'";
}

Config random_config(const ConfigSpace& space, std::mt19937_64& random) {
  Genome genome;
  for (const Gene& gene : space.genes) genome.push_back(static_cast<int>(random() % gene.values.size()));
  return decode(space, genome);
}

// A pair that the generator accepts; every refusal on the way must carry a reason.
Pair make_pair(uint64_t seed, const ConfigSpace& space, std::mt19937_64& random) {
  Pair pair{.seed = seed, .problem = space.problem, .plan = {}, .kernels = {}, .refused = {}};
  for (int tries = 0; tries < 20000; ++tries) {
    Expected<Plan> plan = generate(pair.problem, random_config(space, random), space.target);
    if (plan) return pair.plan = std::move(*plan), pair;
    EXPECT_FALSE(plan.rejection().reason.empty());
  }
  pair.refused = "no config of 20000 was valid for " + to_text(pair.problem);
  return pair;
}

// rapidcheck's generators keep state per thread that a second thread does not have: only compilation is
// parallel.
std::vector<Pair> make_pairs(size_t count, const Target& target, uint64_t seed) {
  const int per_problem = from_environment("WARPFINCH_RANDOM_CONFIGS", 1);
  const char* wanted = std::getenv("WARPFINCH_RANDOM_OPERATION");
  std::vector<Pair> pairs;
  for (; pairs.size() < count; ++seed) {
    const Problem problem = arbitrary_problem()(rc::Random(seed), 100).value();
    if (wanted && operation(problem) != wanted) continue;
    const ConfigSpace space = config_space(problem, target);
    std::mt19937_64 random(seed);
    for (int i = 0; i < per_problem && pairs.size() < count; ++i)
      pairs.push_back(make_pair(seed, space, random));
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

// The tensors of one problem on both sides, and its reference.
class Bench {
 public:
  Bench(const std::shared_ptr<Device>& device, const Pair& pair)
      : seed(pair.seed),
        device_(device),
        tensors_(workload(buffers(pair.problem), pair.seed)),
        check_(pair.problem, tensors_, machine_threads()) {
    for (const HostTensor& tensor : tensors_) memories_.emplace_back(device, tensor.data.size());
  }

  const uint64_t seed;

  // What stands between the elements of an output counts too, so everything is laid out anew.
  Accuracy run(const Pair& pair) {
    const auto loaded = LoadedPlan::load(device_, pair.plan, pair.kernels);
    std::vector<HostTensor> tensors = tensors_;
    std::vector<DevicePointer> pointers;
    for (size_t i = 0; i < tensors.size(); ++i) {
      memories_[i].upload(tensors[i].data.data(), tensors[i].data.size());
      pointers.push_back(memories_[i].pointer());
    }
    DeviceMemory workspace(device_, std::max<int64_t>(pair.plan.workspace_bytes, 256));
    workspace.fill(0xff);  // what one kernel of the plan leaves unwritten for the next is NaN
    loaded->launch(pointers, workspace.pointer(), nullptr);
    synchronize(*device_);
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].buffer.output) memories_[i].download(tensors[i].data.data(), tensors[i].data.size());
    return check_(tensors);
  }

 private:
  std::shared_ptr<Device> device_;
  std::vector<HostTensor> tensors_;
  AccuracyCheck check_;
  std::vector<DeviceMemory> memories_;
};

void tell(const Coverage& coverage, const Device& device) {
  const std::string text = coverage.text();
  std::printf("%s", text.substr(0, text.find("\n\n") + 1).c_str());
  const char* output = std::getenv("WARPFINCH_RANDOM_OUTPUT");
  if (!output) return;
  std::ofstream(output) << "# device: " << device.info().name << ", driver " << device.info().driver
                        << ", NVRTC " << nvrtc_version() << "\n"
                        << text;
}

TEST(GpuRandom, PairsAreRight) {
  std::string why;
  if (list_devices(&why).empty()) GTEST_SKIP() << "skipped, no GPU: " << why;
  const auto device = Device::open("cuda:0");
  std::vector<Pair> pairs = make_pairs(from_environment("WARPFINCH_RANDOM_PAIRS", 40), device->target(),
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
