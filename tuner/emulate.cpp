#include "tuner/emulate.hpp"

#include <fmt/format.h>

#include "runtime/accuracy.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/run_once.hpp"
#include "tuner/shrink.hpp"

namespace warpfinch {
namespace {

constexpr const char* kStage = "emulator";
constexpr uint64_t kInputSeed = 1;

// Of an emulated launch that may meet hazards.
std::optional<Rejection> run_and_check(const std::shared_ptr<Device>& device, const Problem& problem,
                                       const LoadedPlan& plan) {
  std::vector<HostTensor> tensors = workload(plan.plan().buffers, kInputSeed);
  try {
    run_once(device, plan, tensors);
  } catch (const emulator::HazardError& hazards) {
    const std::string_view report = hazards.what();
    return Rejection{kStage, fmt::format("{}; {}", hazards.summary(), report.substr(report.rfind('\n') + 1))};
  }
  const Accuracy accuracy = check_accuracy(problem, tensors, 1);
  if (accuracy.right()) return std::nullopt;
  return Rejection{kStage, fmt::format("error {:.3g} times the bound: {}; {} on {}", accuracy.max_error,
                                       accuracy.worst, plan.plan().problem, device->info().id)};
}

}  // namespace

std::optional<Rejection> emulate(const Problem& problem, const Config& config, const Target& target,
                                 const std::string& emulator, KernelCache& cache) {
  const std::shared_ptr<Device> device = Device::open(emulator);
  const Problem smaller = shrink(problem, config, target);
  Expected<Plan> plan = generate(smaller, config, target);
  if (!plan) return plan.rejection();
  const auto kernels = compile(*plan, *device, cache, 1);
  if (!kernels) return kernels.rejection();
  return run_and_check(device, smaller, *LoadedPlan::load(device, std::move(*plan), *kernels));
}

Prepare with_emulation(Prepare prepare, const Target& target, const std::string& emulator) {
  return [prepare = std::move(prepare), target, emulator, cache = std::make_shared<KernelCache>()](
             const Problem& problem, const Config& config) {
    Candidate candidate = prepare(problem, config);
    if (!candidate.rejection) candidate.rejection = emulate(problem, config, target, emulator, *cache);
    return candidate;
  };
}

}  // namespace warpfinch
