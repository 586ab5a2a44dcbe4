// Devices: what is refused with which words, and what the driver is asked.
#include "runtime/device.hpp"

#include <gtest/gtest.h>

#include "generator/result.hpp"
#include "runtime/device_memory.hpp"
#include "runtime/driver_device.hpp"
#include "tests/runtime/fake_driver.hpp"
#include "tests/runtime/warnings.hpp"

namespace warpfinch {
namespace {

template <class Action>
std::string error_of(ErrorKind kind, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, kind) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(Device, RefusesTextThatIsNoDeviceWithOrWithoutADriver) {
  for (const char* text : {"", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:0 ", "gpu0", "cuda:99999999999",
                           "cuda:0,target=", "cuda:0,sm_90"})
    EXPECT_EQ(
        error_of(ErrorKind::input, [&] { Device::open(text); }),
        std::string("device '") + text + "': not of the form cuda:0, cuda:0,target=sm_90 or emulator:sm_90a");
}

TEST(Device, WithoutADriverListsNothingAndSaysWhyInOneLine) {
  if (installed_driver()) GTEST_SKIP() << "skipped: this machine has a driver";
  std::string why;
  EXPECT_TRUE(list_devices(&why).empty());
  EXPECT_NE(why.find("driver"), std::string::npos) << why;
  EXPECT_EQ(why.find('\n'), std::string::npos) << why;
  EXPECT_EQ(error_of(ErrorKind::environment, [] { Device::open("cuda:0"); }), "device 'cuda:0': " + why);
}

TEST(Device, DescribesWhatTheDriverShows) {
  reset_fake().devices = 2;
  const auto devices = list_devices(fake_table());
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[1].id, "cuda:1");
  EXPECT_EQ(devices[1].name, "Fake GPU");
  EXPECT_EQ(devices[0].uuid, "GPU-a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
  EXPECT_EQ(devices[0].compute_major, 9);
  EXPECT_EQ(devices[0].memory_bytes, int64_t{1} << 30);
  EXPECT_EQ(devices[0].driver.substr(0, 4), "13.0");
}

TEST(Device, IsDescribedAsTheTargetThatItsNameAsksFor) {
  reset_fake();
  const DeviceInfo info = device_info(fake_table(), "cuda:0,target=sm_90");
  EXPECT_EQ(info.id, "cuda:0,target=sm_90");
  EXPECT_EQ(info.target, "sm_90");
  EXPECT_EQ(device_info(fake_table(), "cuda:0").target, "sm_90a");
  EXPECT_EQ(fake().retained, 0) << "it is not opened";
}

TEST(Device, TargetIsTheTablesRowWithTheDevicesMultiprocessors) {
  reset_fake().multiprocessors = 114;
  const auto device = fake_device();
  EXPECT_EQ(device->target().name, "sm_90a");
  EXPECT_EQ(device->target().multiprocessors, 114);
  EXPECT_EQ(fake().retained, 1);
}

TEST(Device, RefusesAnOrdinalBeyondTheLast) {
  reset_fake().devices = 2;
  EXPECT_EQ(error_of(ErrorKind::environment, [] { open_device(fake_table(), "cuda:2"); }),
            "device 'cuda:2': the machine has cuda:0 .. cuda:1");
  fake().devices = 0;
  EXPECT_EQ(error_of(ErrorKind::environment, [] { open_device(fake_table(), "cuda:0"); }),
            "device 'cuda:0': the machine has no GPU");
}

TEST(Device, RefusesAnArchitectureThatNoTargetDescribes) {
  reset_fake().compute_major = 7;
  const std::string words = error_of(ErrorKind::input, [] { fake_device(); });
  EXPECT_NE(words.find("7.0"), std::string::npos) << words;
  EXPECT_EQ(fake().retained, 0);
}

TEST(Device, AChipWithoutARowOfItsOwnIsSaidOnceWhenItIsOpened) {
  reset_fake().compute_major = 8, fake().compute_minor = 8;
  EXPECT_NE(
      warnings_of([] { EXPECT_EQ(fake_device()->target().name, "sm_86"); })
          .find("cuda:0 (Fake GPU): compute capability 8.8 has no row of its own: sm_86, the nearest that "
                "it runs"),
      std::string::npos);
  fake().compute_minor = 6;
  EXPECT_EQ(warnings_of([] { fake_device(); }), "");
  fake().compute_minor = 8;
  EXPECT_EQ(warnings_of([] { open_device(fake_table(), "cuda:0,target=sm_80"); }), "") << "the user chose it";
}

TEST(DeviceMemory, FreesOnceAndCarriesTheDriversWord) {
  reset_fake();
  const auto device = fake_device();
  {
    DeviceMemory memory(device, 100);
    const DeviceMemory moved(std::move(memory));
    EXPECT_EQ(memory.pointer(), 0u);
    EXPECT_EQ(moved.bytes(), 100u);
    EXPECT_EQ(fake().allocations, 1);
    EXPECT_EQ(DeviceMemory(device, 0).pointer(), 0u);
  }
  EXPECT_EQ(fake().allocations, 0);
  fake().failures["cuMemAlloc"] = CUDA_ERROR_OUT_OF_MEMORY;
  EXPECT_EQ(error_of(ErrorKind::environment, [&] { DeviceMemory(device, 100); }),
            "cuMemAlloc of 100 bytes: CUDA_ERROR_OUT_OF_MEMORY (as the test asked)");
  EXPECT_TRUE(fake().contexts.empty());
}

TEST(DeviceMemory, CopiesWaitForTheWholeDevice) {
  reset_fake();
  DeviceMemory memory(fake_device(), 4);
  int word = 0;
  memory.upload(&word, sizeof word);
  memory.fill(1);
  memory.download(&word, sizeof word);
  EXPECT_EQ(fake().synchronisations, 3);
  fake().failures["cuCtxSynchronize"] = CUDA_ERROR_ILLEGAL_ADDRESS;
  EXPECT_THROW(memory.download(&word, sizeof word), Error);
}

}  // namespace
}  // namespace warpfinch
