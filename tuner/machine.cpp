#include "tuner/machine.hpp"

namespace warpfinch {

Machine machine_of(const DeviceInfo& info, const Target& target, const std::string& nvrtc) {
  return {.device = info.name,
          .driver = info.driver,
          .nvrtc = nvrtc,
          .target = target.name,
          .multiprocessors = info.multiprocessors,
          .memory_bytes = info.memory_bytes};
}

std::string differences(const Machine& here, const Machine& there) {
  const Machine unknown;
  std::string words;
  for_each_field<Machine>([&](const auto& field) {
    if (field.name == "device" || field.name == "target") return;
    const auto &ours = here.*field.member, &theirs = there.*field.member, &none = unknown.*field.member;
    if (ours == theirs || ours == none || theirs == none) return;
    words += fmt::format("{}{} {}", words.empty() ? "" : ", ", field.name, theirs);
  });
  return words;
}

}  // namespace warpfinch
