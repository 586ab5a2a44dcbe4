// "emulator:sm_90a" as a device: named, opened, filled, launched on, and refused where only a GPU will do.
#include <gmock/gmock.h>

#include "runtime/device_memory.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/emulator/run_line.hpp"
#include "runtime/measure.hpp"
#include "runtime/run_once.hpp"
#include "tests/emulator/emulated.hpp"
#include "tests/generator/programs.hpp"

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
  for (const char* id :
       {"emulator:sm_90a,", "emulator:sm_90a,seed=", "emulator:sm_90a,seed=-1", "emulator:sm_90a,seed=7x",
        "emulator:sm_90a,sead=7", "emulator:sm_90a,limit=0", "emulator:sm_90a,limit=9,seed=7"})
    EXPECT_THAT(refusal([&] { Device::open(id); }), HasSubstr("should be emulator:sm_90a; behind")) << id;
  EXPECT_THAT(refusal([] { Device::open("emulator:sm_1"); }),
              HasSubstr("unknown target 'sm_1'; known: sm_90a, sm_80, "));
  EXPECT_THAT(refusal([] { Device::open("emulator:"); }), HasSubstr("unknown target ''; known: sm_90a, "));
}

TEST(EmulatedDevice, takes_a_schedule_seed_and_a_gpu_takes_none) {
  EXPECT_EQ(with_schedule_seed("emulator:sm_90a", 7), "emulator:sm_90a,seed=7");
  EXPECT_EQ(with_schedule_seed("emulator:sm_90a,seed=7,limit=60", 7), "emulator:sm_90a,seed=7,limit=60");
  EXPECT_EQ(refusal([] { with_schedule_seed("emulator:sm_90a,seed=7", 3); }),
            "device 'emulator:sm_90a,seed=7' has a schedule seed, and 3 was given beside it; one of them is "
            "enough");
  EXPECT_THAT(refusal([] { with_schedule_seed("cuda:0", 7); }), HasSubstr("not with device 'cuda:0'"));
}

TEST(EmulatedDevice, takes_a_limit_where_it_has_none) {
  EXPECT_EQ(with_limit("emulator:sm_90a,seed=7", 60), "emulator:sm_90a,seed=7,limit=60");
  EXPECT_EQ(with_limit("emulator:sm_90a,limit=5", 60), "emulator:sm_90a,limit=5");
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

const std::string kGemm = "gemm m=70 n=64 k=64",
                  kGemmConfig = "consumer_warpgroups=1 n_tile=64 k_tile=32 stages=2";

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

// The hazards of a kernel that hands its results to the copy engine without the fence between the two.
HazardError hazards_of(Plan plan) {
  std::string& kernel = plan.launches[0].source.kernel;
  kernel = replaced(kernel, "fence_async();", "warp_sync();");
  const auto device = Device::open("emulator:sm_90a,seed=9,limit=60");
  std::vector<HostTensor> tensors = workload(plan.buffers, 1);
  try {
    run_once(device, *loaded(device, std::move(plan)), tensors);
  } catch (const HazardError& hazards) {
    return hazards;
  }
  ADD_FAILURE() << "no hazard was reported";
  return HazardError({.hazards = {{"none", "none"}}}, "");
}

TEST(EmulatedDevice, a_hazard_is_an_error_that_ends_with_the_line_to_paste) {
  const Plan plan = plan_for(kGemm, kGemmConfig);
  const HazardError hazards = hazards_of(plan);
  EXPECT_EQ(hazards.kind, ErrorKind::environment);
  EXPECT_THAT(hazards.summary(), AllOf(HasSubstr("missing proxy fence"), HasSubstr("(IR line ")));
  EXPECT_EQ(hazards.summary().find('\n'), std::string::npos);
  EXPECT_THAT(hazards.what(),
              EndsWith("reproduce: warpfinch run --device emulator:sm_90a,seed=9,limit=60 --problem '" +
                       plan.problem + "' --config '" + plan.config + "'"));
  EXPECT_THAT(hazards.with_line("again").what(), EndsWith("\n\nreproduce: again"));
}

TEST(EmulatedDevice, of_a_program_no_file_is_known) {
  Plan plan = plan_for(kGemm, kGemmConfig);
  plan.config.clear();
  plan.problem = "my_gemm";
  EXPECT_THAT(hazards_of(plan).what(),
              EndsWith("reproduce: warpfinch run --device emulator:sm_90a,seed=9,limit=60 --program FILE  "
                       "# FILE: the text of your program my_gemm"));
}

TEST(EmulatedDevice, the_summary_names_no_line_where_none_is_known) {
  EXPECT_EQ(HazardError({.hazards = {{"deadlock", "deadlock: all wait\n  in gemm"}}}, "").summary(),
            "deadlock: all wait");
  EXPECT_EQ(HazardError({.hazards = {{"trap", "trap: a"}, {"trap", "trap: b"}}}, "").summary(),
            "trap: a (1 more hazard)");
}

TEST(RunLine, is_one_word_after_the_other_for_the_shell) {
  EXPECT_EQ(
      to_text(RunLine{.device = "emulator:sm_90a",
                      .program = "my dir/x's.tir",
                      .input_seed = 1,
                      .spread = 0.5,
                      .tensors = {"a=bf16[2,4]@random"},
                      .check = true}),
      "warpfinch run --device emulator:sm_90a --program 'my dir/x'\\''s.tir' --input-seed 1 --spread 0.5 "
      "--tensor 'a=bf16[2,4]@random' --check");
}

}  // namespace
}  // namespace warpfinch::emulator
