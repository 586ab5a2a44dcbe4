#include "tuner/emulate.hpp"

#include <fmt/format.h>

#include "runtime/accuracy.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/emulator/run_line.hpp"
#include "runtime/run_once.hpp"
#include "generator/shrink.hpp"

namespace warpfinch {
namespace {

constexpr const char* kStage = "emulator";
constexpr uint64_t kInputSeed = 1;
// Shrunken problems take a few seconds of one core.
constexpr uint64_t kMostSeconds = 120;

std::string line_to_paste(const Plan& plan, const Device& device, bool check) {
  return to_text(emulator::RunLine{.device = device.info().id,
                                   .problem = plan.problem,
                                   .config = plan.config,
                                   .input_seed = kInputSeed,
                                   .check = check});
}

// Of an emulated launch that may meet hazards.
std::optional<Rejection> run_and_check(const std::shared_ptr<Device>& device, const Problem& problem,
                                       const Config& config, const LoadedPlan& plan) {
  std::vector<HostTensor> tensors = workload(plan.plan().buffers, kInputSeed);
  try {
    run_once(device, plan, tensors);
  } catch (const emulator::HazardError& hazards) {
    return Rejection{kStage, fmt::format("{}; reproduce: {}", hazards.summary(),
                                         line_to_paste(plan.plan(), *device, false))};
  }
  const Accuracy accuracy = check_accuracy(problem, config, tensors, 1);
  if (accuracy.right()) return std::nullopt;
  return Rejection{kStage, fmt::format("error {:.3g} times the bound: {}; reproduce: {}", accuracy.max_error,
                                       accuracy.worst, line_to_paste(plan.plan(), *device, true))};
}

}  // namespace

std::optional<Rejection> emulate(const Problem& problem, const Config& config, const Target& target,
                                 const std::string& emulator, KernelCache& cache,
                                 const std::stop_token& stop) {
  // Other candidates are emulated beside this one, so that one thread is its share.
  const std::shared_ptr<Device> device =
      emulator::open_device(emulator::with_limit(emulator, kMostSeconds), 1, stop);
  const Problem smaller = shrink(problem, config, target);
  Expected<Plan> plan = generate(smaller, config, target);
  if (!plan) return plan.rejection();
  const auto kernels = compile(*plan, *device, cache, 1);
  if (!kernels) return kernels.rejection();
  return run_and_check(device, smaller, config, *LoadedPlan::load(device, std::move(*plan), *kernels));
}

Prepare with_emulation(Prepare prepare, const Target& target, const std::string& emulator,
                       const std::stop_token& stop) {
  return [prepare = std::move(prepare), target, emulator, stop, cache = std::make_shared<KernelCache>()](
             const Problem& problem, const Config& config) {
    Candidate candidate = prepare(problem, config);
    if (!candidate.rejection) candidate.rejection = emulate(problem, config, target, emulator, *cache, stop);
    return candidate;
  };
}

}  // namespace warpfinch
