// Loading and launching against a driver that keeps books: what reaches it, and what is refused before.
#include "runtime/loaded_plan.hpp"

#include <gtest/gtest.h>

#include "generator/result.hpp"
#include "tests/runtime/fake_driver.hpp"

namespace warpfinch {
namespace {

class LoadedPlanTest : public testing::Test {
 protected:
  LoadedPlanTest() { reset_fake(); }
  std::shared_ptr<const LoadedPlan> load(Plan plan) {
    const auto kernels = small_kernels(plan);
    return LoadedPlan::load(fake_device(), std::move(plan), kernels);
  }
  std::string refusal(const LoadedPlan& plan, const std::vector<DevicePointer>& pointers,
                      DevicePointer workspace) {
    try {
      plan.launch(pointers, workspace, nullptr);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::input);
      EXPECT_TRUE(fake().launches.empty());
      return error.what();
    }
    return "nothing was refused";
  }
};

TEST_F(LoadedPlanTest, PassesGeometryAndArguments) {
  const auto plan = load(small_plan("k"));
  EXPECT_EQ(fake().shared_limit["k"], 100000);
  const auto stream = reinterpret_cast<CUstream>(0x5);
  plan->launch({0x1000, 0x2004}, 0, stream);
  ASSERT_EQ(fake().launches.size(), 1u);
  const FakeLaunch& seen = fake().launches[0];
  EXPECT_EQ(seen.blocks, 7u);
  EXPECT_EQ(seen.threads, 384u);
  EXPECT_EQ(seen.shared_bytes, 100000u);
  EXPECT_EQ(seen.stream, stream);
  // The map is passed by value, as a __grid_constant__ parameter is.
  EXPECT_EQ(static_cast<CUtensorMap*>(seen.parameters[0])->opaque[0], 0x1000u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(seen.parameters[0]) % 64, 0u);
  EXPECT_EQ(*static_cast<CUdeviceptr*>(seen.parameters[1]), 0x2004u + 8);
}

TEST_F(LoadedPlanTest, EncodesMapsAsThePlanSays) {
  Plan plan = small_plan("k");
  plan.launches[0].arguments[0].buffer.offset = 256;
  load(plan)->launch({0x1000, 0x2000}, 0, nullptr);
  ASSERT_EQ(fake().maps.size(), 1u);
  const FakeMap& map = fake().maps[0];
  EXPECT_EQ(map.address, 0x1100u);
  EXPECT_EQ(map.shape, (std::vector<uint64_t>{128, 64}));
  EXPECT_EQ(map.byte_strides, std::vector<uint64_t>{256});
  EXPECT_EQ(map.box, (std::vector<unsigned>{64, 32}));
  EXPECT_EQ(map.type, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16);
  EXPECT_EQ(map.swizzle, CU_TENSOR_MAP_SWIZZLE_128B);
}

TEST_F(LoadedPlanTest, EncodesOncePerSetOfPointers) {
  const auto plan = load(small_plan("k"));
  for (int i = 0; i < 5; ++i) plan->launch({0x1000, 0x2000}, 0, nullptr);
  plan->launch({0x1000, 0x2000}, 0x100, nullptr);  // a workspace that the plan does not use
  EXPECT_EQ(fake().maps.size(), 1u);
  plan->launch({0x3000, 0x2000}, 0, nullptr);
  EXPECT_EQ(fake().maps.size(), 2u);
  EXPECT_EQ(static_cast<CUtensorMap*>(fake().launches.back().parameters[0])->opaque[0], 0x3000u);
  // More sets than are remembered.
  for (DevicePointer i = 0; i < 40; ++i) plan->launch({0x10000 + 16 * i, 0x2000}, 0, nullptr);
  plan->launch({0x1000, 0x2000}, 0, nullptr);
  EXPECT_EQ(fake().maps.size(), 43u);
  EXPECT_EQ(fake().launches.size(), 48u);
}

TEST_F(LoadedPlanTest, PersistentGridFollowsTheDevice) {
  Plan plan = small_plan("k");
  plan.launches[0].tiles = 1000;
  plan.launches[0].persistent = true;
  plan.launches[0].blocks_per_multiprocessor = 2;
  load(plan)->launch({0x1000, 0x2000}, 0, nullptr);
  EXPECT_EQ(fake().launches.at(0).blocks, 20u);
}

TEST_F(LoadedPlanTest, LeavesTheCallersContextCurrentAndNeverSynchronises) {
  const auto callers = reinterpret_cast<CUcontext>(0xbeef);
  fake().contexts = {callers};
  const auto plan = load(small_plan("k"));
  plan->launch({0x1000, 0x2000}, 0, nullptr);
  EXPECT_EQ(fake().launches.at(0).context, fake_context());
  EXPECT_EQ(fake().contexts, std::vector<CUcontext>{callers});
  EXPECT_THROW(plan->launch({0x1000}, 0, nullptr), Error);
  EXPECT_EQ(fake().contexts, std::vector<CUcontext>{callers});
  fake().failures["cuLaunchKernelEx"] = CUDA_ERROR_OUT_OF_MEMORY;
  EXPECT_THROW(plan->launch({0x1000, 0x2000}, 0, nullptr), Error);
  EXPECT_EQ(fake().contexts, std::vector<CUcontext>{callers});
  EXPECT_EQ(fake().synchronisations, 0);
}

TEST_F(LoadedPlanTest, RefusesBadPointersByName) {
  Plan plan = small_plan("k");
  const auto loaded = load(plan);
  EXPECT_EQ(refusal(*loaded, {0x1000}, 0), "1 pointers given, the plan takes 2: a, b");
  EXPECT_EQ(refusal(*loaded, {0x1000, 0}, 0), "buffer 'b': the pointer is null");
  EXPECT_EQ(
      refusal(*loaded, {0x1008, 0x2000}, 0),
      "buffer 'a': the pointer 0x1008 is not a multiple of 16 bytes, as TMA and cp.async want it; a config "
      "with copy=ld takes every multiple of 2");
  EXPECT_EQ(refusal(*loaded, {0x1001, 0x2000}, 0),
            "buffer 'a': the pointer 0x1001 is not a multiple of 16 bytes");
  EXPECT_EQ(refusal(*loaded, {0x1000, 0x2002}, 0),
            "buffer 'b': the pointer 0x2002 is not a multiple of 4 bytes");
  plan.workspace_bytes = 4096;
  const auto with_workspace = load(plan);
  EXPECT_EQ(refusal(*with_workspace, {0x1000, 0x2000}, 0), "no workspace given, the plan needs 4096 bytes");
  EXPECT_EQ(refusal(*with_workspace, {0x1000, 0x2000}, 0x80),
            "the workspace 0x80 is not a multiple of 256 bytes, as cudaMalloc's pointers are");
}

TEST_F(LoadedPlanTest, PassesTheWorkspace) {
  Plan plan = small_plan("k");
  plan.workspace_bytes = 4096;
  plan.launches[0].arguments[1].buffer = {.buffer = -1, .offset = 512};
  const auto loaded = load(plan);
  loaded->launch({0x1000, 0x2000}, 0x100000, nullptr);
  EXPECT_EQ(*static_cast<CUdeviceptr*>(fake().launches.at(0).parameters[1]), 0x100200u);
}

// Kernels that claim tiles count in words of the plan's own, one for each output.
TEST_F(LoadedPlanTest, GivesEachOutputACounterWhileThereAreSome) {
  Plan plan = small_plan("k");
  plan.launches[0].arguments.push_back({Argument::Kind::counter, {}, {}});
  const auto loaded = load(plan);
  const auto counter_of = [&](DevicePointer a, DevicePointer b) {
    loaded->launch({a, b}, 0, nullptr);
    return *static_cast<CUdeviceptr*>(fake().launches.back().parameters[2]);
  };
  const CUdeviceptr first = counter_of(0x1000, 0x2000);
  EXPECT_NE(first, 0u);
  EXPECT_EQ(counter_of(0x3000, 0x2000), first);
  for (DevicePointer i = 1; i < 4096; ++i) EXPECT_EQ(counter_of(0x1000, 0x2000 + 4 * i), first + 4 * i);
  EXPECT_EQ(counter_of(0x1000, 0x100000), 0u);
  EXPECT_EQ(counter_of(0x1000, 0x2000), first);
}

TEST_F(LoadedPlanTest, LaunchesInOrder) {
  Plan plan = small_plan("first");
  plan.launches.push_back(small_plan("second").launches[0]);
  load(plan)->launch({0x1000, 0x2000}, 0, nullptr);
  ASSERT_EQ(fake().launches.size(), 2u);
  EXPECT_EQ(fake().launches[0].kernel, "first");
  EXPECT_EQ(fake().launches[1].kernel, "second");
}

TEST_F(LoadedPlanTest, RefusesAPlanForAnotherArchitecture) {
  Plan plan = small_plan("k");
  plan.target.name = "sm_80";
  try {
    load(plan);
    FAIL() << "it was loaded";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::input);
    EXPECT_STREQ(error.what(), "the plan is for sm_80, cuda:0 (Fake GPU) is sm_90a");
  }
}

TEST_F(LoadedPlanTest, FailedLoadSaysWhatAndLeavesNothingBehind) {
  fake().failures["cuLibraryGetKernel"] = CUDA_ERROR_OUT_OF_MEMORY;
  try {
    load(small_plan("k"));
    FAIL() << "it was loaded";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::environment);
    EXPECT_STREQ(error.what(),
                 "cuLibraryGetKernel of kernel k on cuda:0: CUDA_ERROR_OUT_OF_MEMORY (as the test asked)");
  }
  EXPECT_EQ(fake().libraries, 0);
  EXPECT_EQ(fake().retained, 0);
  EXPECT_TRUE(fake().contexts.empty());
}

TEST_F(LoadedPlanTest, MachineCodeThatIsTooNewForTheDriverSaysWhichOfTheTwoToChange) {
  fake().failures["cuLibraryLoadData"] = CUDA_ERROR_INVALID_IMAGE;
  const auto words_with = [](const char* nvrtc) -> std::string {
    const Plan plan = small_plan("k");
    auto kernels = small_kernels(plan);
    kernels[0].nvrtc = nvrtc;
    try {
      LoadedPlan::load(fake_device(), plan, kernels);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::environment);
      return error.what();
    }
    return "it was loaded";
  };
  EXPECT_EQ(
      words_with("14.1"),
      "cuLibraryLoadData of kernel k on cuda:0: CUDA_ERROR_OTHER (as the test asked); NVRTC 14.1 compiled "
      "it and the driver is of CUDA 13.0: update the driver, or use an NVRTC of CUDA 13 (WARPFINCH_NVRTC "
      "names the library)");
  EXPECT_EQ(words_with("13.2"),
            "cuLibraryLoadData of kernel k on cuda:0: CUDA_ERROR_OTHER (as the test asked)");
}

TEST_F(LoadedPlanTest, UnloadsWithTheLastOwner) {
  auto plan = load(small_plan("k"));
  EXPECT_EQ(fake().libraries, 1);
  EXPECT_EQ(fake().retained, 1);
  plan.reset();
  EXPECT_EQ(fake().libraries, 0);
  EXPECT_EQ(fake().retained, 0);
}

}  // namespace
}  // namespace warpfinch
