// Random problems with random valid configs, on the GPU, against the float64 reference. The number of pairs
// is WARPFINCH_RANDOM_PAIRS (40), the first seed WARPFINCH_RANDOM_SEED (1). A kernel that does not end takes
// the GPU with it, so a watchdog names the pair and ends the test.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
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
#include "runtime/workload.hpp"
#include "tests/generator/arbitrary_problem.hpp"

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
Pair make_pair(uint64_t seed, const Target& target) {
  std::mt19937_64 random(seed);
  Pair pair{.seed = seed, .problem = {}, .plan = {}, .kernels = {}, .refused = {}};
  pair.problem = arbitrary_problem()(rc::Random(seed), 100).value();
  const ConfigSpace space = config_space(pair.problem, target);
  for (int tries = 0; tries < 20000; ++tries) {
    Expected<Plan> plan = generate(pair.problem, random_config(space, random), target);
    if (plan) return pair.plan = std::move(*plan), pair;
    EXPECT_FALSE(plan.rejection().reason.empty());
  }
  pair.refused = "no config of 20000 was valid for " + to_text(pair.problem);
  return pair;
}

// rapidcheck's generators keep state per thread that a second thread does not have: only compilation is
// parallel.
std::vector<Pair> make_pairs(size_t count, const Target& target, uint64_t first_seed) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < count; ++i) pairs.push_back(make_pair(first_seed + i, target));
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

Accuracy run(const std::shared_ptr<Device>& device, const Pair& pair) {
  std::vector<HostTensor> tensors = workload(pair.plan.buffers, pair.seed);
  const auto loaded = LoadedPlan::load(device, pair.plan, pair.kernels);
  std::vector<DeviceMemory> memories;
  std::vector<DevicePointer> pointers;
  for (const HostTensor& tensor : tensors) {
    memories.emplace_back(device, tensor.data.size());
    memories.back().upload(tensor.data.data(), tensor.data.size());
    pointers.push_back(memories.back().pointer());
  }
  DeviceMemory workspace(device, std::max<int64_t>(pair.plan.workspace_bytes, 256));
  workspace.fill(0xff);  // what one kernel of the plan leaves unwritten for the next is NaN
  loaded->launch(pointers, workspace.pointer(), nullptr);
  synchronize(*device);
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].buffer.output) memories[i].download(tensors[i].data.data(), tensors[i].data.size());
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
