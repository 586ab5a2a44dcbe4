// The C++ header: values, lifetimes and exceptions over the C interface.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "warpfinch/warpfinch.hpp"

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kGemm = "gemm batch=1 m=256 n=384 k=512 dtype=bf16 output=fp32 layout=nn epilogue=bias";

TEST(CppApi, GeneratesAPlan) {
  const warpfinch::Plan plan = warpfinch::generate(kGemm);
  EXPECT_EQ(plan.problem(), kGemm);
  EXPECT_EQ(plan.flops(), 2.0 * 256 * 384 * 512);
  EXPECT_THAT(plan.cuda(), HasSubstr("__global__"));
  EXPECT_EQ(warpfinch::generate(plan.problem(), plan.config()).cuda(), plan.cuda());
}

TEST(CppApi, DescribesItsBuffers) {
  const std::vector<warpfinch::BufferInfo> buffers = warpfinch::generate(kGemm).buffers();
  ASSERT_EQ(buffers.size(), 4u);
  EXPECT_EQ(buffers[1].name, "b");
  EXPECT_THAT(buffers[1].shape, ElementsAre(1, 512, 384));
  EXPECT_EQ(buffers[2].dtype, "fp32");
  EXPECT_TRUE(buffers[2].output);
  EXPECT_EQ(buffers[3].name, "bias");
  EXPECT_EQ(buffers[3].bytes, 384 * 2);
}

TEST(CppApi, CopiesShareAndOutlive) {
  std::optional<warpfinch::Plan> plan = warpfinch::generate(kGemm);
  const warpfinch::Plan copy = *plan;
  plan.reset();
  EXPECT_EQ(copy.problem(), kGemm);
}

wf_status kind_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const warpfinch::Failure& failure) {
    EXPECT_STRNE(failure.what(), "");
    return failure.kind();
  }
  return WF_OK;
}

TEST(CppApi, FailuresSayWhoHasToAct) {
  EXPECT_EQ(kind_of([] { warpfinch::generate("gemm m=0"); }), WF_ERROR_INPUT);
  EXPECT_EQ(kind_of([] { warpfinch::generate(kGemm, "stages=none"); }), WF_ERROR_INPUT);
  EXPECT_EQ(kind_of([] { warpfinch::generate(kGemm).cuda(7); }), WF_ERROR_INPUT);
  EXPECT_EQ(kind_of([] { warpfinch::generate(kGemm).launch({nullptr}); }), WF_ERROR_INPUT);
  EXPECT_EQ(kind_of([] { warpfinch::Engine("cuda:99", ""); }), WF_ERROR_ENVIRONMENT);
}

TEST(CppApi, LaunchesByPositionNameAndStruct) {
  const warpfinch::Plan plan =
      warpfinch::Engine("emulator:sm_90a", "").plan("softmax rows=2 columns=16 dtype=fp32");
  alignas(256) float x[2][16] = {}, y[2][16] = {};
  const auto launched = [&](const std::function<void()>& launch) {
    y[1][3] = 0;
    launch();
    return y[1][3] == 1.0f / 16;
  };
  EXPECT_TRUE(launched([&] { plan.launch({x, y}); }));
  EXPECT_TRUE(launched([&] { plan.launch(std::vector<void*>{x, y}); }));
  EXPECT_TRUE(launched([&] { plan.launch_by_name({{"y", y}, {"x", x}}); }));
  void* buffers[] = {x, y};
  wf_launch_args args = WF_LAUNCH_ARGS_INIT;
  args.buffers = buffers;
  args.buffer_count = 2;
  EXPECT_TRUE(launched([&] { plan.launch(args); }));
  EXPECT_EQ(kind_of([&] { plan.launch_by_name({{"y", y}, {"z", x}}); }), WF_ERROR_INPUT);
}

TEST(CppApi, StoppingWithoutARunIsFine) {
  const warpfinch::Engine engine("emulator:sm_90a", "");
  engine.stop_tuning();
}

}  // namespace
