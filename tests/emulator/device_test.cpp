// "emulator:sm_90a" as a device: named, opened, filled, launched on, and refused where only a GPU will do.
#include <gmock/gmock.h>

#include "runtime/device_memory.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/measure.hpp"
#include "runtime/run_once.hpp"
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::input);
    return error.what();
  }
  return "nothing was refused";
}

TEST(EmulatedDevice, is_opened_by_name) {
  const auto device = Device::open("emulator:sm_90a");
  EXPECT_EQ(device->info().id, "emulator:sm_90a");
  EXPECT_EQ(device->info().name, "emulator:sm_90a");
  EXPECT_EQ(device->target().name, "sm_90a");
  EXPECT_GT(device->info().memory_bytes, 0);
  EXPECT_EQ(Device::open("emulator:sm_90a,seed=18446744073709551615")->info().id,
            "emulator:sm_90a,seed=18446744073709551615");
  EXPECT_EQ(Device::open("emulator:sm_90a,seed=7")->info().name, "emulator:sm_90a");
}

TEST(EmulatedDevice, is_no_gpu_of_this_machine) {
  for (const DeviceInfo& info : list_devices()) EXPECT_FALSE(is_emulator(info.id));
}

TEST(EmulatedDevice, wrong_names_are_refused) {
  for (const char* id : {"emulator:sm_90a,", "emulator:sm_90a,seed=", "emulator:sm_90a,seed=-1",
                         "emulator:sm_90a,seed=7x", "emulator:sm_90a,sead=7"})
    EXPECT_THAT(refusal([&] { Device::open(id); }), HasSubstr("should be emulator:sm_90a or")) << id;
  EXPECT_EQ(refusal([] { Device::open("emulator:sm_1"); }), "unknown target 'sm_1'; known: sm_90a");
  EXPECT_EQ(refusal([] { Device::open("emulator:"); }), "unknown target ''; known: sm_90a");
}

TEST(EmulatedDevice, takes_a_schedule_seed_and_a_gpu_takes_none) {
  EXPECT_EQ(with_schedule_seed("emulator:sm_90a", 7), "emulator:sm_90a,seed=7");
  EXPECT_EQ(with_schedule_seed("emulator:sm_90a,seed=7", 0), "emulator:sm_90a");
  EXPECT_THAT(refusal([] { with_schedule_seed("cuda:0", 7); }), HasSubstr("not with device 'cuda:0'"));
}

TEST(EmulatedDevice, memory_is_poison_until_it_is_filled) {
  DeviceMemory memory(Device::open("emulator:sm_90a"), 300);
  std::vector<unsigned char> seen(300);
  memory.download(seen.data(), seen.size());
  EXPECT_EQ(seen, std::vector<unsigned char>(300, 0xff));
  EXPECT_EQ(memory.pointer() % 256, 0u);
  memory.fill(3);
  memory.upload("ab", 2);
  memory.download(seen.data(), 4);
  EXPECT_EQ(std::vector<unsigned char>(seen.begin(), seen.begin() + 4),
            (std::vector<unsigned char>{'a', 'b', 3, 3}));
}

std::shared_ptr<const LoadedPlan> loaded(const std::shared_ptr<Device>& device, Plan plan) {
  const auto kernels = compile(plan, *device, test_cache());
  EXPECT_TRUE(kernels);
  return LoadedPlan::load(device, std::move(plan), *kernels);
}

const std::string kGemm = "gemm m=70 n=64 k=64", kGemmConfig = "consumers=1 n_tile=64 k_tile=32 stages=2";

TEST(EmulatedDevice, computes_a_plan) {
  const auto device = Device::open("emulator:sm_90a,seed=3");
  const auto plan = loaded(device, plan_for(kGemm, kGemmConfig));
  std::vector<HostTensor> tensors = workload(plan->plan().buffers, 1);
  run_once(device, *plan, tensors);
  EXPECT_TRUE(check_accuracy(parse_problem(kGemm), tensors).right());
}

TEST(EmulatedDevice, looks_at_pointers_as_a_gpu_does) {
  const auto plan = loaded(Device::open("emulator:sm_90a"), plan_for(kGemm, kGemmConfig));
  EXPECT_EQ(refusal([&] { plan->launch({}, 0, nullptr); }), "0 pointers given, the plan takes 3: a, b, c");
  EXPECT_EQ(refusal([&] { plan->launch({0, 0, 0}, 0, nullptr); }), "buffer 'a': the pointer is null");
}

TEST(EmulatedDevice, has_no_clock) {
  const auto device = Device::open("emulator:sm_90a");
  const auto plan = loaded(device, plan_for(kGemm, kGemmConfig));
  EXPECT_EQ(refusal([&] {
              measure(*device, *plan, {16, 16, 16}, 0);
            }),
            "device 'emulator:sm_90a' runs kernels on the CPU: it cannot time them");
}

// The kernel hands its results to the copy engine without the fence between the two.
TEST(EmulatedDevice, a_hazard_is_an_error_that_ends_with_the_line_to_paste) {
  Plan plan = plan_for(kGemm, kGemmConfig);
  std::string& kernel = plan.launches[0].source.kernel;
  const std::string fence = "fence_async();";
  ASSERT_NE(kernel.find(fence), std::string::npos);
  kernel.replace(kernel.find(fence), fence.size(), "warp_sync();");
  const auto device = Device::open("emulator:sm_90a,seed=9");
  const auto faulty = loaded(device, plan);
  std::vector<HostTensor> tensors = workload(plan.buffers, 1);
  try {
    run_once(device, *faulty, tensors);
    FAIL() << "no hazard was reported";
  } catch (const HazardError& hazards) {
    EXPECT_EQ(hazards.kind, ErrorKind::environment);
    EXPECT_THAT(hazards.summary(), AllOf(HasSubstr("missing proxy fence"), HasSubstr("IR line")));
    EXPECT_EQ(hazards.summary().find('\n'), std::string::npos);
    EXPECT_THAT(hazards.what(),
                EndsWith("reproduce: warpfinch run --device emulator:sm_90a --schedule-seed 9 "
                         "--problem \"" +
                         plan.problem + "\" --config \"" + plan.config + "\""));
    EXPECT_THAT(hazards.with_line("again").what(), EndsWith("\n\nreproduce: again"));
  }
}

}  // namespace
}  // namespace warpfinch::emulator
