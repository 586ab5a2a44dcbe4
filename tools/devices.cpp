// warpfinch devices: the GPUs of this machine, the targets that kernels can be written for, and for each
// target the emulator, which is there on every machine and no GPU.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/compiler.hpp"
#include "runtime/device.hpp"
#include "tools/command.hpp"
#include "tools/output.hpp"
#include "tools/selection.hpp"

namespace warpfinch {
namespace {

Json json_of(const DeviceInfo& device) {
  return {{"kind", "device"},
          {"device", device.id},
          {"name", device.name},
          {"uuid", device.uuid},
          {"compute", fmt::format("{}.{}", device.compute_major, device.compute_minor)},
          {"target", device.target},
          {"multiprocessors", device.multiprocessors},
          {"memory_bytes", device.memory_bytes},
          {"driver", device.driver}};
}

Json json_of(const Target& target) {
  return {{"kind", "target"},
          {"target", target.name},
          {"compute", fmt::format("{}.{}", target.compute_major, target.compute_minor)},
          {"multiprocessors", target.multiprocessors},
          {"shared_bytes_per_block", target.shared_bytes_per_block},
          {"registers_per_multiprocessor", target.registers_per_multiprocessor}};
}

// Has to be named to be used: nothing falls back to it.
std::string emulator_of(const Target& target) { return "emulator:" + target.name; }

Json json_of_emulator(const Target& target) {
  return {{"kind", "emulator"}, {"device", emulator_of(target)}, {"target", target.name}};
}

void print_device(const DeviceInfo& device) {
  print_out("{:<8} {}  compute {}.{}  target {}  {} multiprocessors  {:.1f} GiB  driver {}  {}\n", device.id,
            device.name, device.compute_major, device.compute_minor,
            device.target.empty() ? "(not supported)" : device.target, device.multiprocessors,
            static_cast<double>(device.memory_bytes) / (1 << 30), device.driver, device.uuid);
  const std::string note = nearest_target_note(device.compute_major, device.compute_minor);
  if (!note.empty()) print_out("{:<8} {}\n", "", note);
}

void print_target(const Target& target) {
  print_out("target   {}  compute {}.{}  {} KB of shared memory per block\n", target.name,
            target.compute_major, target.compute_minor, target.shared_bytes_per_block / 1024);
}

void print_emulator(const Target& target) {
  print_out("emulator {}  runs and checks kernels on the CPU\n", emulator_of(target));
}

int list(bool json) {
  std::string why_no_device, why_no_nvrtc;
  const std::vector<DeviceInfo> devices = list_devices(&why_no_device);
  const std::string nvrtc = nvrtc_version(&why_no_nvrtc);
  for (const DeviceInfo& device : devices) json ? print_json(json_of(device)) : print_device(device);
  for (const Target& target : targets()) json ? print_json(json_of(target)) : print_target(target);
  for (const Target& target : targets()) json ? print_json(json_of_emulator(target)) : print_emulator(target);
  if (json) {
    if (devices.empty()) print_json({{"kind", "no device"}, {"reason", why_no_device}});
    print_json({{"kind", "nvrtc"}, {"version", nvrtc}, {"reason", why_no_nvrtc}});
    return 0;
  }
  if (devices.empty()) print_out("no GPU:  {}\n", why_no_device);
  print_out("NVRTC    {}\n", nvrtc.empty() ? "none: " + why_no_nvrtc : nvrtc);
  return 0;
}

}  // namespace

Command add_devices(CLI::App& program) {
  CLI::App* app = program.add_subcommand("devices", "List GPUs, targets and the compiler");
  auto json = std::make_shared<bool>(false);
  add_json_option(*app, *json);
  return {app, [json] { return list(*json); }};
}

}  // namespace warpfinch
