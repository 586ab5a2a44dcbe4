// Which plans an engine keeps: those asked for last; the others live as long as somebody holds them.
#include "tuner/engine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace warpfinch {
namespace {

std::string softmax(int rows) { return "softmax columns=16 dtype=fp32 rows=" + std::to_string(rows); }

class RecentPlans : public testing::Test {
 protected:
  std::shared_ptr<const LoadedPlan> plan(int rows) { return engine_->plan(softmax(rows)); }
  std::shared_ptr<Engine> engine_ = Engine::open("emulator:sm_90a", {}, 2);
};

TEST_F(RecentPlans, the_least_recently_used_one_is_forgotten) {
  const auto first = plan(1), second = plan(2);
  EXPECT_EQ(plan(1), first);  // the second is now the one asked for longest ago
  const auto third = plan(3);
  EXPECT_EQ(plan(1), first);
  EXPECT_EQ(plan(3), third);
  EXPECT_NE(plan(2), second);
}

TEST_F(RecentPlans, what_nobody_holds_goes_and_what_somebody_holds_stays_whole) {
  std::weak_ptr<const LoadedPlan> dropped = plan(1);
  EXPECT_FALSE(dropped.expired());
  const auto held = plan(2);
  for (const int rows : {3, 4, 5}) plan(rows);
  EXPECT_TRUE(dropped.expired());
  alignas(256) float x[2][16] = {}, y[2][16] = {};
  held->launch({reinterpret_cast<DevicePointer>(x), reinterpret_cast<DevicePointer>(y)}, 0, nullptr);
  EXPECT_EQ(y[1][15], 1.0f / 16);
  engine_.reset();
  EXPECT_THAT(held->plan().problem, testing::HasSubstr("rows=2"));
}

TEST_F(RecentPlans, a_failure_is_not_kept) {
  for (int i = 0; i < 3; ++i)
    EXPECT_THROW(engine_->plan("gemm m=64 n=64 k=64", "consumer_warpgroups=1 n_tile=64 k_tile=64 stages=200"),
                 Error);
  EXPECT_EQ(plan(1), plan(1));
}

TEST_F(RecentPlans, many_threads_ask_for_more_plans_than_are_kept) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 12; ++i) {
        const int rows = 1 + (i + thread) % 4;
        EXPECT_THAT(plan(rows)->plan().problem, testing::HasSubstr("rows=" + std::to_string(rows)));
      }
    });
}

}  // namespace
}  // namespace warpfinch
