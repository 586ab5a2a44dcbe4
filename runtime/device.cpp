#include "runtime/device.hpp"

#include <fmt/format.h>

#include <fstream>
#include <regex>

#include "generator/result.hpp"
#include "generator/text.hpp"
#include "runtime/compiler.hpp"
#include "runtime/driver_device.hpp"
#include "runtime/emulator/emulated_device.hpp"

namespace warpfinch {
namespace {

// "13.0 (580.159.04)": the interface that the driver API tells, and the release from the kernel module.
std::string driver_text(const Driver& driver) {
  int version = 0;
  check(driver, driver.driver_get_version(&version), "cuDriverGetVersion");
  std::string text = fmt::format("{}.{}", version / 1000, version % 1000 / 10);
  std::ifstream file("/proc/driver/nvidia/version");
  std::string line;
  std::smatch release;
  if (std::getline(file, line) && std::regex_search(line, release, std::regex(R"(\b\d+\.\d+(\.\d+)?\b)")))
    text += fmt::format(" ({})", release.str());
  return text;
}

std::string uuid_text(const CUuuid& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i)
    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                        static_cast<unsigned char>(uuid.bytes[i]));
  return text;
}

DeviceInfo describe(const Driver& driver, int ordinal) {
  CUdevice handle = 0;
  check(driver, driver.device_get(&handle, ordinal), "cuDeviceGet");
  const auto attribute = [&](CUdevice_attribute which) {
    int value = 0;
    check(driver, driver.device_get_attribute(&value, which, handle), "cuDeviceGetAttribute");
    return value;
  };
  char name[256] = {};
  check(driver, driver.device_get_name(name, sizeof name - 1, handle), "cuDeviceGetName");
  CUuuid uuid{};
  check(driver, driver.device_get_uuid(&uuid, handle), "cuDeviceGetUuid");
  size_t memory = 0;
  check(driver, driver.device_total_mem(&memory, handle), "cuDeviceTotalMem");
  return {.id = fmt::format("cuda:{}", ordinal),
          .ordinal = ordinal,
          .name = name,
          .uuid = uuid_text(uuid),
          .compute_major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
          .compute_minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
          .multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
          .memory_bytes = static_cast<int64_t>(memory),
          .driver = driver_text(driver)};
}

int parse_ordinal(std::string_view id) {
  constexpr std::string_view kPrefix = "cuda:";
  const std::string_view number = id.starts_with(kPrefix) ? id.substr(kPrefix.size()) : std::string_view{};
  const int ordinal = number_from_text<int>(number).value_or(-1);
  if (ordinal < 0) fail_input(fmt::format("device {}: not of the form cuda:0 or emulator:sm_90a", quote(id)));
  return ordinal;
}

}  // namespace

std::vector<DeviceInfo> list_devices(const Driver& driver) {
  int count = 0;
  check(driver, driver.device_get_count(&count), "cuDeviceGetCount");
  std::vector<DeviceInfo> devices;
  for (int ordinal = 0; ordinal < count; ++ordinal) devices.push_back(describe(driver, ordinal));
  return devices;
}

std::vector<DeviceInfo> list_devices(std::string* why) {
  const Driver* driver = installed_driver(why);
  if (!driver) return {};
  std::vector<DeviceInfo> devices = list_devices(*driver);
  if (devices.empty() && why) *why = "the NVIDIA driver shows no GPU (is CUDA_VISIBLE_DEVICES empty?)";
  return devices;
}

std::shared_ptr<Device> open_device(const Driver& driver, std::string_view id) {
  const int ordinal = parse_ordinal(id);
  int count = 0;
  check(driver, driver.device_get_count(&count), "cuDeviceGetCount");
  if (ordinal >= count)
    fail_environment(fmt::format("device {}: the machine has {}", quote(id),
                                 count == 0 ? "no GPU" : fmt::format("cuda:0 .. cuda:{}", count - 1)));
  return std::make_shared<DriverDevice>(driver, describe(driver, ordinal));
}

std::shared_ptr<Device> Device::open(std::string_view id) {
  if (emulator::is_emulator(id)) return emulator::open_device(id);
  parse_ordinal(id);  // wrong text is the user's to mend, also where there is no driver
  std::string why;
  const Driver* driver = installed_driver(&why);
  if (!driver) fail_environment(fmt::format("device {}: {}", quote(id), why));
  return open_device(*driver, id);
}

DriverDevice::DriverDevice(const Driver& driver, DeviceInfo info)
    : driver_(driver),
      info_(std::move(info)),
      target_(target_for_device(info_.compute_major, info_.compute_minor)) {
  target_.multiprocessors = info_.multiprocessors;
  check(driver_, driver_.device_get(&handle_, info_.ordinal), "cuDeviceGet");
  check(driver_, driver_.device_primary_ctx_retain(&context_, handle_), "cuDevicePrimaryCtxRetain", info_.id);
}

// The result is not looked at: at the end of a process the driver may be gone before us.
DriverDevice::~DriverDevice() { driver_.device_primary_ctx_release(handle_); }

Expected<CompiledKernel> DriverDevice::compile(const CudaSource& source, KernelCache& cache) const {
  return warpfinch::compile(source, cache);
}

const DriverDevice& driver_device(const Device& device) {
  const auto* on_driver = dynamic_cast<const DriverDevice*>(&device);
  if (!on_driver)
    fail_input(fmt::format("device '{}' runs kernels on the CPU: it cannot time them", device.info().id));
  return *on_driver;
}

CurrentContext::CurrentContext(const DriverDevice& device) : driver_(device.driver()) {
  CUcontext current = nullptr;
  check(driver_, driver_.ctx_get_current(&current), "cuCtxGetCurrent");
  if (current == device.context()) return;
  check(driver_, driver_.ctx_push_current(device.context()), "cuCtxPushCurrent");
  pushed_ = true;
}

CurrentContext::~CurrentContext() {
  CUcontext ours = nullptr;
  if (pushed_) driver_.ctx_pop_current(&ours);
}

}  // namespace warpfinch
