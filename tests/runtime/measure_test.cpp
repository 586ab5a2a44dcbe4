// Measuring against a driver whose device time is simulated.
#include "runtime/measure.hpp"

#include <gtest/gtest.h>

#include "generator/result.hpp"
#include "tests/runtime/fake_driver.hpp"

namespace warpfinch {
namespace {

std::shared_ptr<const LoadedPlan> loaded(const std::shared_ptr<Device>& device, const std::string& kernel) {
  const Plan plan = small_plan(kernel);
  return LoadedPlan::load(device, plan, small_kernels(plan));
}

const std::vector<DevicePointer> kPointers{0x1000, 0x2000};

TEST(Summary, TakesMedianQuartilesAndExtremes) {
  const Measurement odd = summarise({5, 1, 4, 2, 3}, 7);
  EXPECT_DOUBLE_EQ(odd.median_us, 3);
  EXPECT_DOUBLE_EQ(odd.min_us, 1);
  EXPECT_DOUBLE_EQ(odd.max_us, 5);
  EXPECT_DOUBLE_EQ(odd.spread, (4.0 - 2.0) / 3.0);
  EXPECT_EQ(odd.samples_us, (std::vector<double>{5, 1, 4, 2, 3}));
  EXPECT_EQ(odd.launches_per_sample, 7);
  EXPECT_DOUBLE_EQ(summarise({1, 2, 3, 10}, 1).median_us, 2.5);
  EXPECT_DOUBLE_EQ(summarise({8}, 1).spread, 0);
}

TEST(Measure, GivesTheTimePerLaunch) {
  reset_fake().milliseconds["k"] = 0.25;
  const auto device = fake_device();
  const Measurement measurement = measure(*device, *loaded(device, "k"), kPointers, 0, {.warm_up_ms = 0});
  EXPECT_EQ(measurement.launches_per_sample, 4);  // 1 ms wanted
  EXPECT_EQ(measurement.samples_us.size(), 15u);
  EXPECT_NEAR(measurement.median_us, 250, 0.01);
  EXPECT_EQ(measurement.l2, "warm");
  EXPECT_EQ(fake().open_handles, 0) << "a stream, event or graph was left open";
  EXPECT_TRUE(fake().contexts.empty());
}

TEST(Measure, TakesManyLaunchesOfAShortKernelAndOneOfALongOne) {
  reset_fake().milliseconds = {{"short", 0.001}, {"long", 300}};
  const auto device = fake_device();
  const MeasureOptions options{.warm_up_ms = 0};
  EXPECT_EQ(measure(*device, *loaded(device, "short"), kPointers, 0, options).launches_per_sample, 50);
  const size_t before = fake().replays.size();
  EXPECT_EQ(measure(*device, *loaded(device, "long"), kPointers, 0, options).launches_per_sample, 1);
  EXPECT_EQ(fake().replays.size() - before, 1u + 15u) << "a long replay needs no untimed one before it";
}

TEST(Measure, StopsAtTheLimitButNotBeforeThreeSamples) {
  reset_fake();
  const auto device = fake_device();
  const MeasureOptions options{.samples = 100, .warm_up_ms = 0, .limit_ms = 0};
  EXPECT_EQ(measure(*device, *loaded(device, "k"), kPointers, 0, options).samples_us.size(), 3u);
}

TEST(Measure, AlternatesBetweenPlans) {
  reset_fake().milliseconds = {{"slow", 0.2}, {"fast", 0.1}};
  const auto device = fake_device();
  const auto slow = loaded(device, "slow"), fast = loaded(device, "fast");
  const auto both =
      measure_interleaved(*device, {slow.get(), fast.get()}, kPointers, 0, {.samples = 4, .warm_up_ms = 0});
  ASSERT_EQ(both.size(), 2u);
  EXPECT_NEAR(both[0].median_us, 200, 0.01);
  EXPECT_NEAR(both[1].median_us, 100, 0.01);
  // One warming replay of each; then samples, each behind an untimed replay of the same plan.
  std::vector<std::string> expected{"slow", "fast"};
  for (int i = 0; i < 4; ++i) expected.insert(expected.end(), {"slow", "slow", "fast", "fast"});
  EXPECT_EQ(fake().replays, expected);
}

TEST(Measure, StopsWhenTheLastPlanHasLost) {
  reset_fake().milliseconds = {{"incumbent", 0.1}, {"slow", 0.13}, {"near", 0.11}};
  const auto device = fake_device();
  const auto incumbent = loaded(device, "incumbent"), slow = loaded(device, "slow"),
             near = loaded(device, "near");
  const auto samples = [&](const LoadedPlan& first, const LoadedPlan& last) {
    const MeasureOptions options{.samples = 9, .warm_up_ms = 0, .lost_beyond = 1.2};
    return measure_interleaved(*device, {&first, &last}, kPointers, 0, options).at(1).samples_us.size();
  };
  EXPECT_EQ(samples(*incumbent, *slow), 3u);
  EXPECT_EQ(samples(*incumbent, *near), 9u);
  EXPECT_EQ(samples(*slow, *incumbent), 9u);
}

TEST(Measure, ClosesEverythingWhenTheDeviceFails) {
  reset_fake();
  const auto device = fake_device();
  const auto plan = loaded(device, "k");
  for (const char* call : {"cuGraphLaunch", "cuLaunchKernelEx", "cuEventSynchronize"}) {
    fake().failures = {{call, CUDA_ERROR_LAUNCH_FAILED}};
    EXPECT_THROW(measure(*device, *plan, kPointers, 0), Error) << call;
    EXPECT_EQ(fake().open_handles, 0) << call;
    EXPECT_TRUE(fake().contexts.empty()) << call;
  }
  fake().failures.clear();
  EXPECT_THROW(measure(*device, *plan, {0x1000}, 0), Error);
  EXPECT_EQ(fake().open_handles, 0);
}

}  // namespace
}  // namespace warpfinch
