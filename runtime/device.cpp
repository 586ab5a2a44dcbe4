#include "runtime/device.hpp"

#include <fmt/format.h>

#include <fstream>
#include <regex>

#include "generator/result.hpp"
#include "generator/text.hpp"
#include "runtime/compiler.hpp"
#include "runtime/driver_device.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/log.hpp"

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

std::string target_name(int major, int minor) {
  const Target* target = find_target(major, minor);
  return target ? target->name : "";
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
  const int major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
            minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  return {.id = fmt::format("cuda:{}", ordinal),
          .ordinal = ordinal,
          .name = name,
          .uuid = uuid_text(uuid),
          .compute_major = major,
          .compute_minor = minor,
          .target = target_name(major, minor),
          .multiprocessors = attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
          .memory_bytes = static_cast<int64_t>(memory),
          .driver = driver_text(driver)};
}

// "cuda:0" or "cuda:0,target=sm_90".
struct Id {
  int ordinal;
  std::string_view target;  // empty: the best for the GPU
};
Id parse(std::string_view id) {
  constexpr std::string_view kPrefix = "cuda:", kTarget = ",target=";
  const std::string_view rest = id.starts_with(kPrefix) ? id.substr(kPrefix.size()) : std::string_view{};
  const size_t comma = rest.find(kTarget);
  const bool named = comma != std::string_view::npos;
  const Id parsed{number_from_text<int>(rest.substr(0, comma)).value_or(-1),
                  named ? rest.substr(comma + kTarget.size()) : std::string_view{}};
  if (parsed.ordinal < 0 || (named && parsed.target.empty()))
    fail_input(
        fmt::format("device {}: not of the form cuda:0, cuda:0,target=sm_90 or emulator:sm_90a", quote(id)));
  return parsed;
}

// The GPU as one of that target, whose machine code it has to run: the same major number, and no larger minor
// one.
DeviceInfo as_target(DeviceInfo info, std::string_view name) {
  const Target& target = target_by_name(name);
  if (target.compute_major != info.compute_major || target.compute_minor > info.compute_minor)
    fail_input(fmt::format("device {} has compute capability {}.{} and does not run {}", info.id,
                           info.compute_major, info.compute_minor, target.name));
  info.id += fmt::format(",target={}", name);
  info.target = target.name;
  return info;
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

DeviceInfo device_info(const Driver& driver, std::string_view id) {
  const auto [ordinal, target] = parse(id);
  int count = 0;
  check(driver, driver.device_get_count(&count), "cuDeviceGetCount");
  if (ordinal >= count)
    fail_environment(fmt::format("device {}: the machine has {}", quote(id),
                                 count == 0 ? "no GPU" : fmt::format("cuda:0 .. cuda:{}", count - 1)));
  DeviceInfo info = describe(driver, ordinal);
  return target.empty() ? info : as_target(std::move(info), target);
}

std::shared_ptr<Device> open_device(const Driver& driver, std::string_view id) {
  DeviceInfo info = device_info(driver, id);
  const std::string note = nearest_target_note(info.compute_major, info.compute_minor);
  if (parse(id).target.empty() && !note.empty()) logger()->warn("{} ({}): {}", info.id, info.name, note);
  return std::make_shared<DriverDevice>(driver, std::move(info));
}

namespace {

const Driver& driver_for(std::string_view id) {
  parse(id);  // wrong text is the user's to mend, also where there is no driver
  std::string why;
  const Driver* driver = installed_driver(&why);
  if (!driver) fail_environment(fmt::format("device {}: {}", quote(id), why));
  return *driver;
}

}  // namespace

DeviceInfo device_info(std::string_view id) { return device_info(driver_for(id), id); }

std::shared_ptr<Device> Device::open(std::string_view id) {
  if (emulator::is_emulator(id)) return emulator::open_device(id);
  return open_device(driver_for(id), id);
}

Target target_of(const DeviceInfo& info) {
  if (info.target.empty()) return target_for_device(info.compute_major, info.compute_minor);
  Target target = target_by_name(info.target);
  target.multiprocessors = info.multiprocessors;
  return target;
}

DriverDevice::DriverDevice(const Driver& driver, DeviceInfo info)
    : driver_(driver), info_(std::move(info)), target_(target_of(info_)) {
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
