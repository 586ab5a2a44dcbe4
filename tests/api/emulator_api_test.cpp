// The C interface without a GPU: on the emulator device pointers are the caller's own memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "tests/emulator/planted_fault.hpp"
#include "tests/runtime/environment_value.hpp"
#include "warpfinch/warpfinch.h"

namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::StartsWith;

class EmulatorApi : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(wf_engine_open("emulator:sm_90a,seed=2", "", &engine_), WF_OK) << wf_last_error();
  }
  void TearDown() override {
    wf_plan_close(plan_);
    wf_engine_close(engine_);
  }
  wf_engine_t* engine_ = nullptr;
  wf_plan_t* plan_ = nullptr;
};

TEST_F(EmulatorApi, softmax_of_host_memory) {
  ASSERT_EQ(wf_plan(engine_, "softmax rows=5 columns=16 dtype=fp32", nullptr, &plan_), WF_OK)
      << wf_last_error();
  alignas(16) float x[5][16], y[5][16];
  for (int row = 0; row < 5; ++row)
    for (int column = 0; column < 16; ++column) x[row][column] = static_cast<float>(row * column % 7);
  void* buffers[] = {x, y};
  ASSERT_EQ(wf_launch(plan_, buffers, 2, nullptr, nullptr), WF_OK) << wf_last_error();
  for (int row = 0; row < 5; ++row) {
    float sum = 0;
    for (float value : x[row]) sum += std::exp(value);
    for (int column = 0; column < 16; ++column)
      EXPECT_NEAR(y[row][column], std::exp(x[row][column]) / sum, 1e-5) << row << ", " << column;
  }
}

TEST_F(EmulatorApi, a_hazard_is_the_last_error) {
  const warpfinch::PlantedFault fault("fence_async();", "warp_sync();");
  ASSERT_EQ(wf_plan(engine_, "gemm m=64 n=64 k=64", "consumers=1 n_tile=64 k_tile=64 stages=2", &plan_),
            WF_OK)
      << wf_last_error();
  std::vector<char> memory(3 * 64 * 64 * 2 + 256);
  char* first = memory.data() + (256 - reinterpret_cast<uintptr_t>(memory.data()) % 256);
  void* buffers[] = {first, first + 8192, first + 16384};
  EXPECT_EQ(wf_launch(plan_, buffers, 3, nullptr, nullptr), WF_ERROR_ENVIRONMENT);
  EXPECT_THAT(wf_last_error(),
              AllOf(StartsWith("missing proxy fence: "),
                    HasSubstr("reproduce: warpfinch run --device emulator:sm_90a,seed=2 --problem 'gemm ")));
}

TEST_F(EmulatorApi, wrong_devices_are_refused) {
  wf_engine_t* other = nullptr;
  EXPECT_EQ(wf_engine_open("emulator:sm_20", "", &other), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("unknown target 'sm_20'"));
}

// A service often has no home, or one where it may not write.
TEST(NoPlaceForADatabase, plans_come_without_one_and_tuning_says_so) {
  const warpfinch::EnvironmentValue xdg("XDG_DATA_HOME", nullptr);
  for (const char* place : {static_cast<const char*>(nullptr), "relative", "/proc/none"}) {
    const warpfinch::EnvironmentValue home("HOME", place);
    wf_engine_t* engine = nullptr;
    wf_plan_t* plan = nullptr;
    ASSERT_EQ(wf_engine_open("emulator:sm_90a", nullptr, &engine), WF_OK) << wf_last_error();
    EXPECT_EQ(wf_plan(engine, "softmax rows=5 columns=16", nullptr, &plan), WF_OK) << wf_last_error();
    EXPECT_NE(wf_tune(engine, "softmax rows=5 columns=16", "1", 0, nullptr, nullptr), WF_OK);
    EXPECT_THAT(wf_last_error(), AnyOf(HasSubstr("without a database"), HasSubstr("/proc/none")));
    wf_plan_close(plan);
    wf_engine_close(engine);
  }
}

}  // namespace
