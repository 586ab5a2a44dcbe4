// No false alarm: random problems with random valid configs, shrunken, under several schedules, are clean and
// right. Pairs: WARPFINCH_EMULATOR_PAIRS (6), first seed: WARPFINCH_RANDOM_SEED (1), schedules of each:
// WARPFINCH_EMULATOR_SCHEDULES (3).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <map>

#include "generator/shrink.hpp"
#include "runtime/accuracy.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/run_once.hpp"
#include "tests/generator/random_pair.hpp"

namespace warpfinch::emulator {
namespace {

struct Totals {
  int runs = 0;
  int64_t elements = 0;
  double largest = 0;
  std::map<std::string, int> pairs;  // by operation
};

std::string to_paste(const Plan& plan, const std::string& device) {
  return "warpfinch run --check --device " + device + " --problem \"" + plan.problem + "\" --config \"" +
         plan.config + "\"";
}

void expect_clean_and_right(const Problem& problem, const Plan& plan, uint64_t input_seed,
                            const std::string& id, KernelCache& cache, Totals& totals) {
  const std::shared_ptr<Device> device = Device::open(id);
  const auto kernels = compile(plan, *device, cache);
  ASSERT_TRUE(kernels) << kernels.rejection().reason;
  std::vector<HostTensor> tensors = workload(plan.buffers, input_seed);
  try {
    run_once(device, *LoadedPlan::load(device, plan, *kernels), tensors);
  } catch (const HazardError& hazards) {
    ADD_FAILURE() << hazards.what();
    return;
  }
  const Accuracy accuracy = check_accuracy(problem, tensors);
  EXPECT_TRUE(accuracy.right()) << accuracy.worst << "\n" << to_paste(plan, id);
  ++totals.runs;
  totals.elements += accuracy.checked;
  totals.largest = std::max(totals.largest, accuracy.max_error);
}

class EmulatorRandom : public testing::TestWithParam<std::string> {};

TEST_P(EmulatorRandom, pairs_are_clean_and_right_under_every_schedule) {
  const auto start = std::chrono::steady_clock::now();
  const int count = from_environment("WARPFINCH_EMULATOR_PAIRS", 6);
  const int schedules = from_environment("WARPFINCH_EMULATOR_SCHEDULES", 3);
  const int first_seed = from_environment("WARPFINCH_RANDOM_SEED", 1);
  const Target& target = target_by_name(GetParam());
  KernelCache cache;
  Totals totals;
  for (int i = 0; i < count; ++i) {
    const auto pair = random_pair(static_cast<uint64_t>(first_seed + i), target);
    if (!pair) continue;
    const Problem problem = shrink(pair->problem, pair->config, target);
    const auto plan = generate(problem, pair->config, target);
    ASSERT_TRUE(plan) << plan.rejection().reason;
    ++totals.pairs[std::string(operation(problem))];
    for (int schedule = 0; schedule < schedules; ++schedule)
      expect_clean_and_right(problem, *plan, pair->seed,
                             with_schedule_seed("emulator:" + GetParam(), static_cast<uint64_t>(schedule)),
                             cache, totals);
  }
  for (const auto& [name, pairs] : totals.pairs) std::printf("%s: %d pairs\n", name.c_str(), pairs);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%s: %d runs, %ld elements, largest error %.3f of the bound, %.0f s\n", GetParam().c_str(),
              totals.runs, totals.elements, totals.largest, seconds.count());
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const Target& target : targets()) result.push_back(target.name);
  return result;
}

INSTANTIATE_TEST_SUITE_P(Targets, EmulatorRandom, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace warpfinch::emulator
