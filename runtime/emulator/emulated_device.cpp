#include "runtime/emulator/emulated_device.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "runtime/compiler.hpp"
#include "runtime/emulator/emulated_plan.hpp"

namespace warpfinch::emulator {
namespace {

constexpr std::string_view kPrefix = "emulator:", kSeed = ",seed=";
// Few, so that persistent kernels walk over several tiles even of a small problem.
constexpr int kMultiprocessors = 4;
// As cuMemAlloc gives it.
constexpr size_t kAlignment = 256;
// What nobody has written yet is NaN in every type.
constexpr int kPoison = 0xff;

struct Id {
  std::string_view target;
  uint64_t seed = 0;
};

[[noreturn]] void refuse(std::string_view id) {
  fail_input(fmt::format("device '{}': should be emulator:sm_90a or emulator:sm_90a,seed=7", id));
}

Id parse(std::string_view id) {
  if (!is_emulator(id)) refuse(id);
  Id parsed{.target = id.substr(kPrefix.size())};
  const size_t comma = parsed.target.find(',');
  if (comma == std::string_view::npos) return parsed;
  const std::string_view option = parsed.target.substr(comma);
  parsed.target = parsed.target.substr(0, comma);
  const char* end = option.data() + option.size();
  if (!option.starts_with(kSeed)) refuse(id);
  const auto [stop, code] = std::from_chars(option.data() + kSeed.size(), end, parsed.seed);
  if (code != std::errc() || stop != end) refuse(id);
  return parsed;
}

std::string to_text(const Id& id) {
  return fmt::format("{}{}{}", kPrefix, id.target, id.seed ? fmt::format("{}{}", kSeed, id.seed) : "");
}

DeviceInfo describe(const Id& id, const Target& target) {
  return {.id = to_text(id),
          .ordinal = 0,
          .name = fmt::format("{}{}", kPrefix, id.target),
          .uuid = {},
          .compute_major = target.compute_major,
          .compute_minor = target.compute_minor,
          .multiprocessors = kMultiprocessors,
          .memory_bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE),
          .driver = {}};
}

class EmulatedDevice final : public Device {
 public:
  explicit EmulatedDevice(const Id& id)
      : seed_(id.seed), target_(target_by_name(id.target)), info_(describe(id, target_)) {
    target_.multiprocessors = kMultiprocessors;
  }
  const DeviceInfo& info() const override { return info_; }
  const Target& target() const override { return target_; }

  DevicePointer allocate(size_t bytes) const override {
    void* memory = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (!memory) fail_environment(fmt::format("{}: no {} bytes of memory left", info_.id, bytes));
    std::memset(memory, kPoison, bytes);
    return reinterpret_cast<DevicePointer>(memory);
  }
  void free(DevicePointer pointer) const override { std::free(address(pointer)); }
  void fill(DevicePointer to, unsigned char value, size_t bytes) const override {
    std::memset(address(to), value, bytes);
  }
  void upload(DevicePointer to, const void* from, size_t bytes) const override {
    std::memcpy(address(to), from, bytes);
  }
  void download(void* to, DevicePointer from, size_t bytes) const override {
    std::memcpy(to, address(from), bytes);
  }
  void synchronize() const override {}

  Expected<CompiledKernel> compile(const CudaSource& source, KernelCache& cache) const override {
    CompiledKernel kernel;
    kernel.cubin = build_object(source, cache);
    return kernel;
  }
  std::shared_ptr<const LoadedPlan> load(Plan plan, const std::vector<CompiledKernel>& kernels) override {
    return load_plan(shared_from_this(), seed_, std::move(plan), kernels);
  }

 private:
  static void* address(DevicePointer pointer) { return reinterpret_cast<void*>(pointer); }

  uint64_t seed_;
  Target target_;
  DeviceInfo info_;
};

}  // namespace

bool is_emulator(std::string_view id) { return id.starts_with(kPrefix); }

std::shared_ptr<Device> open_device(std::string_view id) {
  return std::make_shared<EmulatedDevice>(parse(id));
}

std::string with_schedule_seed(std::string_view id, uint64_t seed) {
  if (!is_emulator(id))
    fail_input(fmt::format("a schedule seed goes with an emulator:…, not with device '{}'", id));
  Id parsed = parse(id);
  parsed.seed = seed;
  return to_text(parsed);
}

}  // namespace warpfinch::emulator
