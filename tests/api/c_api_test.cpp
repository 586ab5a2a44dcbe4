// The C interface on a machine without a GPU: errors are told and not thrown, and kernels can be generated.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "warpfinch/warpfinch.h"

namespace {

using testing::HasSubstr;

constexpr const char* kAttention =
    "attention_forward batch=2 q_heads=8 kv_heads=2 q_len=256 kv_len=512 head_dim=64 dtype=fp16 mask=causal "
    "layout=bshd";

struct Close {
  void operator()(wf_plan_t* plan) const { wf_plan_close(plan); }
};
using PlanHandle = std::unique_ptr<wf_plan_t, Close>;

PlanHandle generated(const char* problem, const char* config = nullptr) {
  wf_plan_t* plan = nullptr;
  EXPECT_EQ(wf_generate(problem, config, nullptr, &plan), WF_OK) << wf_last_error();
  return PlanHandle(plan);
}

wf_buffer buffer_of(const PlanHandle& plan, size_t index) {
  wf_buffer buffer = WF_BUFFER_INIT;
  EXPECT_EQ(wf_plan_buffer(plan.get(), index, &buffer), WF_OK) << wf_last_error();
  return buffer;
}

std::vector<int64_t> numbers(const int64_t* first, int count) { return {first, first + count}; }

// Runs wf_generate on something wrong and gives the error's text.
std::string refused(const char* problem, const char* config = nullptr, const char* target = nullptr) {
  auto* plan = reinterpret_cast<wf_plan_t*>(8);  // must be overwritten
  EXPECT_EQ(wf_generate(problem, config, target, &plan), WF_ERROR_INPUT);
  EXPECT_EQ(plan, nullptr);
  return wf_last_error();
}

TEST(CApi, TellsItsVersion) { EXPECT_THAT(wf_version(), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+")); }

TEST(CApi, StatusNumbersAreTheExitCodes) {
  EXPECT_EQ(int{WF_OK}, 0);
  EXPECT_EQ(int{WF_ERROR_ENVIRONMENT}, 1);
  EXPECT_EQ(int{WF_ERROR_INPUT}, 2);
}

TEST(CApi, NullArgumentsAreNamed) {
  wf_engine_t* engine = nullptr;
  wf_plan_t* plan = nullptr;
  wf_buffer buffer = WF_BUFFER_INIT;
  EXPECT_EQ(wf_engine_open(nullptr, "", &engine), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("'device' is null"));
  EXPECT_EQ(wf_engine_open("cuda:0", "", nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("wf_engine_open: 'engine' is null"));
  EXPECT_EQ(wf_plan(nullptr, kAttention, nullptr, &plan), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("wf_plan: 'engine' is null"));
  EXPECT_EQ(wf_generate(nullptr, nullptr, nullptr, &plan), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("'problem_text' is null"));
  EXPECT_EQ(wf_generate(kAttention, nullptr, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("'plan' is null"));
  EXPECT_EQ(wf_plan_buffer(nullptr, 0, &buffer), WF_ERROR_INPUT);
  EXPECT_EQ(wf_launch_buffers(nullptr, nullptr, 0, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_EQ(wf_tune_problem(nullptr, kAttention, "3", 0, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("wf_tune: 'engine' is null"));
  EXPECT_EQ(wf_stop_tuning(nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("wf_stop_tuning: 'engine' is null"));
  EXPECT_EQ(wf_plan_cuda(nullptr, 0), nullptr);
  EXPECT_THAT(wf_last_error(), HasSubstr("wf_plan_cuda"));
}

TEST(CApi, NullPlansAreEmpty) {
  EXPECT_EQ(wf_plan_problem(nullptr), nullptr);
  EXPECT_EQ(wf_plan_config(nullptr), nullptr);
  EXPECT_EQ(wf_plan_flops(nullptr), 0);
  EXPECT_EQ(wf_plan_buffer_count(nullptr), 0u);
  EXPECT_EQ(wf_plan_kernel_count(nullptr), 0u);
  EXPECT_EQ(wf_workspace_size(nullptr), 0u);
  wf_plan_close(nullptr);
  wf_engine_close(nullptr);
}

TEST(CApi, DevicesThatAreNotThere) {
  wf_engine_t* engine = nullptr;
  EXPECT_EQ(wf_engine_open("toaster", "", &engine), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("toaster"));
  EXPECT_EQ(engine, nullptr);
  EXPECT_EQ(wf_engine_open("cuda:99", "", &engine), WF_ERROR_ENVIRONMENT);
  EXPECT_STRNE(wf_last_error(), "");
  EXPECT_EQ(engine, nullptr);
}

// In plain words, not in those of the C++ library.
TEST(CApi, WhatTheFileSystemRefusesIsNamed) {
  wf_engine_t* engine = nullptr;
  const std::string name(5000, 'x');
  EXPECT_EQ(wf_engine_open("emulator:sm_90a", name.c_str(), &engine), WF_ERROR_ENVIRONMENT);
  EXPECT_THAT(wf_last_error(), testing::AllOf(HasSubstr(name), HasSubstr("File name too long"),
                                              testing::Not(HasSubstr("filesystem error"))));
  EXPECT_EQ(engine, nullptr);
}

TEST(CApi, WrongTextsAreInputErrorsOfOneLine) {
  EXPECT_THAT(refused("attention_forward q_heads=3 kv_heads=2 q_len=64 head_dim=64"), HasSubstr("kv_heads"));
  EXPECT_THAT(refused("attention_forward q_len=64 head_dim=64 colour=red"), HasSubstr("colour"));
  EXPECT_THAT(refused("fly q_len=64"), HasSubstr("fly"));
  EXPECT_THAT(refused(""), testing::Not(testing::IsEmpty()));
  EXPECT_THAT(refused(kAttention, "key_tile=abc"), HasSubstr("key_tile"));
  EXPECT_THAT(refused(kAttention, nullptr, "sm_12"), HasSubstr("sm_12"));
  EXPECT_THAT(refused(kAttention, "nonsense"), testing::Not(HasSubstr("\n")));
}

TEST(CApi, AnImpossibleConfigIsRefusedWithNumbers) {
  EXPECT_THAT(refused(kAttention, "key_tile=256 k_stages=16 v_stages=16"),
              testing::ContainsRegex("needs [0-9]+ KB"));
}

TEST(CApi, ErrorsBelongToTheirThread) {
  refused("fly");
  std::string other;
  std::thread([&] { other = wf_last_error(); }).join();
  EXPECT_EQ(other, "");
  EXPECT_THAT(wf_last_error(), HasSubstr("fly"));
  generated(kAttention);
  EXPECT_STREQ(wf_last_error(), "");
}

TEST(CApi, BuffersStandInTheDocumentedOrder) {
  const PlanHandle plan = generated(kAttention);
  ASSERT_EQ(wf_plan_buffer_count(plan.get()), 4u);
  std::string names;
  for (size_t i = 0; i < 4; ++i) names += buffer_of(plan, i).name;
  EXPECT_EQ(names, "qkvo");
  const wf_buffer k = buffer_of(plan, 1), o = buffer_of(plan, 3);
  EXPECT_STREQ(k.dtype, "fp16");
  EXPECT_EQ(numbers(k.shape, k.rank), (std::vector<int64_t>{2, 2, 512, 64}));
  EXPECT_EQ(numbers(k.strides, k.rank), (std::vector<int64_t>{512 * 2 * 64, 64, 2 * 64, 1}));
  EXPECT_EQ(k.bytes, 2 * 2 * 512 * 64 * 2);
  EXPECT_EQ(k.is_output, 0);
  EXPECT_EQ(o.is_output, 1);
  wf_buffer none = WF_BUFFER_INIT;
  EXPECT_EQ(wf_plan_buffer(plan.get(), 4, &none), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("no buffer 4"));
}

TEST(CApi, LseIsTheFifthBuffer) {
  const PlanHandle plan = generated((std::string(kAttention) + " lse=true").c_str());
  ASSERT_EQ(wf_plan_buffer_count(plan.get()), 5u);
  const wf_buffer lse = buffer_of(plan, 4);
  EXPECT_STREQ(lse.name, "lse");
  EXPECT_STREQ(lse.dtype, "fp32");
  EXPECT_EQ(numbers(lse.shape, lse.rank), (std::vector<int64_t>{2, 8, 256}));
}

TEST(CApi, GeneratesReadableCuda) {
  const PlanHandle plan = generated(kAttention);
  EXPECT_STREQ(wf_plan_problem(plan.get()), kAttention);
  EXPECT_THAT(wf_plan_config(plan.get()), HasSubstr("key_tile="));
  ASSERT_EQ(wf_plan_kernel_count(plan.get()), 1u);
  const char* cuda = wf_plan_cuda(plan.get(), 0);
  ASSERT_NE(cuda, nullptr);
  EXPECT_THAT(cuda, HasSubstr("__global__"));
  EXPECT_THAT(cuda, testing::Not(HasSubstr("#include")));
  EXPECT_EQ(wf_plan_cuda(plan.get(), 0), cuda);
  EXPECT_EQ(wf_plan_cuda(plan.get(), 1), nullptr);
  EXPECT_THAT(wf_last_error(), HasSubstr("no kernel 1"));
}

TEST(CApi, TheConfigOfAPlanMakesThatPlanAgain) {
  const PlanHandle first = generated(kAttention);
  const PlanHandle again = generated(wf_plan_problem(first.get()), wf_plan_config(first.get()));
  EXPECT_STREQ(wf_plan_cuda(again.get(), 0), wf_plan_cuda(first.get(), 0));
}

TEST(CApi, ThreeKernelsNeedAWorkspace) {
  const PlanHandle plan = generated("attention_three_kernel q_heads=2 q_len=256 head_dim=64 dtype=fp16");
  EXPECT_EQ(wf_plan_kernel_count(plan.get()), 3u);
  EXPECT_GE(wf_workspace_size(plan.get()), 2u * 256 * 256 * 2);
}

TEST(CApi, FlopsCountVisiblePairsOnly) {
  const PlanHandle plan = generated("attention_forward q_heads=1 q_len=4 head_dim=64 mask=causal");
  EXPECT_EQ(wf_plan_flops(plan.get()), 2.0 * (1 + 2 + 3 + 4) * (64 + 64));
}

TEST(CApi, AGeneratedPlanDoesNotLaunch) {
  const PlanHandle plan = generated(kAttention);
  void* buffers[4] = {};
  EXPECT_EQ(wf_launch_buffers(plan.get(), buffers, 4, nullptr, nullptr), WF_ERROR_INPUT);
  EXPECT_THAT(wf_last_error(), HasSubstr("without a device"));
}

}  // namespace
