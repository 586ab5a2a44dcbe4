#include "runtime/emulator/emulated_device.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "runtime/compiler.hpp"
#include "runtime/emulator/emulated_plan.hpp"
#include "runtime/parallel.hpp"

namespace warpfinch::emulator {
namespace {

constexpr std::string_view kPrefix = "emulator:", kSeed = ",seed=", kLimit = ",limit=";
// Few, so that persistent kernels walk over several tiles even of a small problem.
constexpr int kMultiprocessors = 4;
// As cuMemAlloc gives it.
constexpr size_t kAlignment = 256;
// What nobody has written yet is NaN in every type.
constexpr int kPoison = 0xff;

struct Id {
  std::string_view target;
  std::optional<uint64_t> seed, limit;
};

[[noreturn]] void refuse(std::string_view id) {
  fail_input(
      fmt::format("device {}: should be emulator:sm_90a; behind that may stand ,seed=7 (the order of "
                  "threads) and then ,limit=60 (seconds that a launch may take)",
                  quote(id)));
}

// Takes ",name=7" from the front; nothing where something else stands there.
std::optional<uint64_t> take_number(std::string_view id, std::string_view& rest, std::string_view name) {
  if (!rest.starts_with(name)) return std::nullopt;
  rest.remove_prefix(name.size());
  uint64_t number = 0;
  const auto [stop, code] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (code != std::errc()) refuse(id);
  rest.remove_prefix(static_cast<size_t>(stop - rest.data()));
  return number;
}

Id parse(std::string_view id) {
  if (!is_emulator(id)) refuse(id);
  std::string_view rest = id.substr(kPrefix.size());
  Id parsed{.target = rest.substr(0, rest.find(',')), .seed = {}, .limit = {}};
  rest.remove_prefix(parsed.target.size());
  parsed.seed = take_number(id, rest, kSeed);
  parsed.limit = take_number(id, rest, kLimit);
  if (!rest.empty() || parsed.limit == 0) refuse(id);
  return parsed;
}

std::string to_text(const Id& id) {
  std::string text = fmt::format("{}{}", kPrefix, id.target);
  if (id.seed.value_or(0) != 0) text += fmt::format("{}{}", kSeed, *id.seed);
  if (id.limit) text += fmt::format("{}{}", kLimit, *id.limit);
  return text;
}

DeviceInfo describe(const Id& id, const Target& target) {
  return {.id = to_text(id),
          .ordinal = 0,
          .name = fmt::format("{}{}", kPrefix, id.target),
          .uuid = {},
          .compute_major = target.compute_major,
          .compute_minor = target.compute_minor,
          .target = target.name,
          .multiprocessors = kMultiprocessors,
          .memory_bytes = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE),
          .driver = {}};
}

class EmulatedDevice final : public Device {
 public:
  EmulatedDevice(const Id& id, int threads, std::stop_token stop)
      : target_(target_by_name(id.target)), info_(describe(id, target_)) {
    target_.multiprocessors = kMultiprocessors;
    options_.schedule_seed = id.seed.value_or(0);
    options_.most_seconds = static_cast<double>(id.limit.value_or(0));
    options_.threads = threads;
    options_.stop = std::move(stop);
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
    kernel.cubin = build_object(source, cache, options_.stop);
    return kernel;
  }
  std::shared_ptr<const LoadedPlan> load(Plan plan, const std::vector<CompiledKernel>& kernels) override {
    return load_plan(shared_from_this(), options_, std::move(plan), kernels);
  }

 private:
  static void* address(DevicePointer pointer) { return reinterpret_cast<void*>(pointer); }

  Options options_;
  Target target_;
  DeviceInfo info_;
};

}  // namespace

bool is_emulator(std::string_view id) { return id.starts_with(kPrefix); }

std::shared_ptr<Device> open_device(std::string_view id, int threads, std::stop_token stop) {
  return std::make_shared<EmulatedDevice>(parse(id), threads > 0 ? threads : machine_threads(),
                                          std::move(stop));
}

std::string with_schedule_seed(std::string_view id, uint64_t seed) {
  if (!is_emulator(id))
    fail_input(fmt::format("a schedule seed goes with an emulator:…, not with device {}", quote(id)));
  Id parsed = parse(id);
  if (parsed.seed && *parsed.seed != seed)
    fail_input(fmt::format("device {} has a schedule seed, and {} was given beside it; one of them is enough",
                           quote(id), seed));
  parsed.seed = seed;
  return to_text(parsed);
}

std::string with_limit(std::string_view id, uint64_t seconds) {
  Id parsed = parse(id);
  if (!parsed.limit) parsed.limit = seconds;
  return to_text(parsed);
}

}  // namespace warpfinch::emulator
