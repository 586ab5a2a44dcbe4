// The C interface on a GPU: right results, launch errors, database and tuning.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "runtime/accuracy.hpp"
#include "runtime/device_memory.hpp"
#include "warpfinch/warpfinch.h"

namespace warpfinch {
namespace {

using testing::HasSubstr;

constexpr const char* kSmall =
    "attention_forward q_heads=4 kv_heads=2 q_len=200 kv_len=333 head_dim=64 dtype=fp16 mask=causal lse=true";

class GpuApi : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (list_devices(&why).empty()) GTEST_SKIP() << "SKIPPED, needs a GPU: " << why;
    std::string pattern = (std::filesystem::temp_directory_path() / "warpfinch-api-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    ASSERT_EQ(wf_engine_open("cuda:0", (folder_ / "configs.db").c_str(), &engine_), WF_OK) << wf_last_error();
  }
  void TearDown() override {
    wf_plan_close(plan_);
    wf_engine_close(engine_);
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  void plan(const char* problem, const char* config = nullptr) {
    wf_plan_close(plan_);
    ASSERT_EQ(wf_plan(engine_, problem, config, &plan_), WF_OK) << wf_last_error();
  }

  std::filesystem::path folder_;
  wf_engine_t* engine_ = nullptr;
  wf_plan_t* plan_ = nullptr;
};

// Device copies of a problem's buffers.
struct Buffers {
  explicit Buffers(const std::vector<HostTensor>& tensors) : device(Device::open("cuda:0")) {
    for (const HostTensor& tensor : tensors) {
      memory.push_back(std::make_unique<DeviceMemory>(device, tensor.data.size()));
      memory.back()->upload(tensor.data.data(), tensor.data.size());
      pointers.push_back(reinterpret_cast<void*>(memory.back()->pointer()));
    }
  }
  void download(std::vector<HostTensor>& tensors) {
    synchronize(*device);
    for (size_t i = 0; i < tensors.size(); ++i)
      memory[i]->download(tensors[i].data.data(), tensors[i].data.size());
  }
  std::shared_ptr<Device> device;
  std::vector<std::unique_ptr<DeviceMemory>> memory;
  std::vector<void*> pointers;
};

// Launches `plan` and gives the largest error in units of its bound.
double error_of(const wf_plan_t* plan, bool own_workspace = false) {
  const Problem problem = parse_problem(wf_plan_problem(plan));
  std::vector<HostTensor> tensors = workload(buffers(problem), 7);
  Buffers on_device(tensors);
  const DeviceMemory workspace(on_device.device, std::max<size_t>(wf_workspace_size(plan), 256));
  void* const given = own_workspace ? nullptr : reinterpret_cast<void*>(workspace.pointer());
  EXPECT_EQ(wf_launch_buffers(plan, on_device.pointers.data(), on_device.pointers.size(), given, nullptr),
            WF_OK)
      << wf_last_error();
  on_device.download(tensors);
  return check_accuracy(problem, tensors).max_error;
}

TEST_F(GpuApi, ComputesAttention) {
  plan(kSmall);
  EXPECT_LE(error_of(plan_), 1) << wf_plan_problem(plan_) << " config " << wf_plan_config(plan_);
}

TEST_F(GpuApi, ComputesGemmAndThreeKernelAttention) {
  plan("gemm m=100 n=72 k=136 dtype=bf16 output=fp32");
  EXPECT_LE(error_of(plan_), 1) << wf_plan_config(plan_);
  plan("attention_three_kernel q_heads=2 q_len=192 head_dim=64 dtype=fp16");
  EXPECT_LE(error_of(plan_), 1) << wf_plan_config(plan_);
}

TEST_F(GpuApi, APlanHasAWorkspaceOfItsOwn) {
  plan("attention_three_kernel q_heads=2 q_len=192 head_dim=64 dtype=fp16");
  ASSERT_GT(wf_workspace_size(plan_), 0u);
  for (int i = 0; i < 2; ++i) EXPECT_LE(error_of(plan_, true), 1) << wf_plan_config(plan_);
}

TEST_F(GpuApi, RefusesWrongPointers) {
  plan(kSmall);
  void* wrong[5] = {reinterpret_cast<void*>(2), nullptr, nullptr, nullptr, nullptr};
  EXPECT_EQ(wf_launch_buffers(plan_, wrong, 4, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("q, k, v, o, lse"));
  EXPECT_EQ(wf_launch_buffers(plan_, wrong, 5, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("'q'"));
  EXPECT_EQ(wf_launch_buffers(plan_, nullptr, 5, nullptr, nullptr), WF_ERROR_INPUT);
}

TEST_F(GpuApi, APlanOutlivesItsEngine) {
  plan(kSmall);
  wf_engine_close(engine_);
  engine_ = nullptr;
  EXPECT_LE(error_of(plan_), 1);
}

struct Seen {
  int calls = 0;
  double best = INFINITY;
};

int watch(const wf_progress* progress, void* user_data) {
  Seen& seen = *static_cast<Seen*>(user_data);
  ++seen.calls;
  EXPECT_STRNE(progress->config, "");
  EXPECT_EQ(std::isfinite(progress->microseconds), progress->rejection == nullptr);
  EXPECT_LE(progress->best_microseconds, seen.best);
  seen.best = progress->best_microseconds;
  return 0;
}

TEST_F(GpuApi, TunesAndRemembers) {
  Seen seen;
  ASSERT_EQ(wf_tune_problem(engine_, kSmall, "6", 1, watch, &seen), WF_OK) << wf_last_error();
  EXPECT_GE(seen.calls, 6);
  EXPECT_TRUE(std::isfinite(seen.best));
  plan(kSmall);
  EXPECT_LE(error_of(plan_), 1) << wf_plan_config(plan_);
}

TEST_F(GpuApi, TuningNeedsADatabaseAndABudget) {
  EXPECT_EQ(wf_tune_problem(engine_, kSmall, "soon", 0, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("soon"));
  wf_engine_t* forgetful = nullptr;
  ASSERT_EQ(wf_engine_open("cuda:0", "", &forgetful), WF_OK) << wf_last_error();
  EXPECT_EQ(wf_tune_problem(forgetful, kSmall, "3", 0, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("database"));
  wf_engine_close(forgetful);
}

}  // namespace
}  // namespace warpfinch
