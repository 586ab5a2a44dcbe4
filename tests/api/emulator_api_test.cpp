// The C interface without a GPU: on the emulator device pointers are the caller's own memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/emulator/planted_fault.hpp"
#include "tests/runtime/environment_value.hpp"
#include "tests/runtime/temporary_folder.hpp"
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
  ASSERT_EQ(wf_launch_buffers(plan_, buffers, 2, nullptr, nullptr), WF_OK) << wf_last_error();
  for (int row = 0; row < 5; ++row) {
    float sum = 0;
    for (float value : x[row]) sum += std::exp(value);
    for (int column = 0; column < 16; ++column)
      EXPECT_NEAR(y[row][column], std::exp(x[row][column]) / sum, 1e-5) << row << ", " << column;
  }
}

// Looked at before the array is: behind its end lies memory that nobody may read.
TEST_F(EmulatorApi, a_wrong_count_of_pointers_is_refused) {
  ASSERT_EQ(wf_plan(engine_, "softmax rows=5 columns=16 dtype=fp32", nullptr, &plan_), WF_OK)
      << wf_last_error();
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const two = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(two, MAP_FAILED);
  void** const end = reinterpret_cast<void**>(static_cast<char*>(two) + page);
  ASSERT_EQ(mprotect(end, page, PROT_NONE), 0);
  alignas(16) static float x[5][16], y[5][16];
  end[-3] = x, end[-2] = y, end[-1] = x;
  for (const size_t count : {size_t{0}, size_t{1}, size_t{3}, size_t{1000}, SIZE_MAX, SIZE_MAX / 8}) {
    EXPECT_EQ(wf_launch_buffers(plan_, end - 3, count, nullptr, nullptr), WF_ERROR_INPUT);
    EXPECT_EQ(wf_last_error(), std::to_string(count) + " pointers given, the plan takes 2: x, y");
  }
  EXPECT_EQ(wf_launch_buffers(plan_, end - 3, 2, nullptr, nullptr), WF_OK) << wf_last_error();
  munmap(two, 2 * page);
}

TEST_F(EmulatorApi, what_is_not_there_is_refused_before_it_is_used) {
  ASSERT_EQ(wf_plan(engine_, "softmax rows=5 columns=16 dtype=fp32", nullptr, &plan_), WF_OK)
      << wf_last_error();
  alignas(16) float x[5][16] = {};
  void* buffers[] = {x, nullptr};
  EXPECT_EQ(wf_launch_buffers(plan_, nullptr, 2, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_STREQ(wf_last_error(), "wf_launch: 'buffers' is null");
  EXPECT_EQ(wf_launch_buffers(plan_, buffers, 2, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_STREQ(wf_last_error(), "buffer 'y': the pointer is null");
  buffers[1] = reinterpret_cast<char*>(x) + 1;
  EXPECT_EQ(wf_launch_buffers(plan_, buffers, 2, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("not a multiple of"));
  wf_buffer buffer = WF_BUFFER_INIT;
  EXPECT_EQ(wf_plan_buffer(plan_, SIZE_MAX, &buffer), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("no buffer 18446744073709551615, the plan has 2"));
  EXPECT_EQ(buffer.name, nullptr);
  EXPECT_EQ(wf_plan_cuda(plan_, SIZE_MAX), nullptr);
  EXPECT_THAT(wf_last_error(), HasSubstr("no kernel 18446744073709551615"));
}

// A compiler that does not end stands for whatever takes long.
TEST_F(EmulatorApi, tuning_is_stopped_from_another_thread) {
  const warpfinch::TemporaryFolder folder;
  const std::string file = folder.path() / "cxx";
  std::ofstream(file) << "#!/bin/sh\n[ \"$1\" = --version ] && exec echo 1\nexec sleep 1000\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  setenv("CXX", file.c_str(), 1);
  setenv("WARPFINCH_CACHE_DIR", folder.path().c_str(), 1);
  wf_engine_t* engine = nullptr;
  ASSERT_EQ(wf_engine_open("emulator:sm_90a", (folder.path() / "configs.db").c_str(), &engine), WF_OK);
  const auto begin = std::chrono::steady_clock::now();
  {
    std::jthread stopping([&](const std::stop_token& done) {
      while (!done.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        EXPECT_EQ(wf_stop_tuning(engine), WF_OK);
      }
    });
    EXPECT_EQ(wf_tune_problem(engine, "softmax rows=5 columns=16", "1000s", 0, nullptr, nullptr), WF_OK)
        << wf_last_error();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  wf_engine_close(engine);
  unsetenv("CXX");
  unsetenv("WARPFINCH_CACHE_DIR");
}

TEST_F(EmulatorApi, a_hazard_is_the_last_error) {
  const warpfinch::PlantedFault fault("fence_async();", "warp_sync();");
  ASSERT_EQ(
      wf_plan(engine_, "gemm m=64 n=64 k=64", "consumer_warpgroups=1 n_tile=64 k_tile=64 stages=2", &plan_),
      WF_OK)
      << wf_last_error();
  std::vector<char> memory(3 * 64 * 64 * 2 + 256);
  char* first = memory.data() + (256 - reinterpret_cast<uintptr_t>(memory.data()) % 256);
  void* buffers[] = {first, first + 8192, first + 16384};
  EXPECT_EQ(wf_launch_buffers(plan_, buffers, 3, nullptr, nullptr), WF_ERROR_ENVIRONMENT);
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
    EXPECT_NE(wf_tune_problem(engine, "softmax rows=5 columns=16", "1", 0, nullptr, nullptr), WF_OK);
    EXPECT_THAT(wf_last_error(), AnyOf(HasSubstr("without a database"), HasSubstr("/proc/none")));
    wf_plan_close(plan);
    wf_engine_close(engine);
  }
}

}  // namespace
