#include <fmt/format.h>

#include "runtime/accuracy.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/run_once.hpp"
#include "tools/mutants/mutant.hpp"

namespace warpfinch::mutants {
namespace {

constexpr uint64_t kInputSeed = 1;

Verdict judge_once(const Mutant& mutant, const Problem& problem, double spread,
                   const std::shared_ptr<Device>& device) {
  KernelCache cache;
  const auto kernels = compile(mutant.plan, *device, cache, 1);
  if (!kernels) fail_input(fmt::format("{}: {}", mutant.fault, kernels.rejection().reason));
  std::vector<HostTensor> tensors = workload(mutant.plan.buffers, kInputSeed, spread);
  try {
    run_once(device, *LoadedPlan::load(device, mutant.plan, *kernels), tensors);
  } catch (const emulator::HazardError& hazards) {
    return {true, hazards.summary()};
  }
  const Accuracy accuracy = check_accuracy(problem, tensors, 1);
  if (accuracy.right()) return {};
  return {true, fmt::format("wrong result: {}", accuracy.worst)};
}

}  // namespace

Verdict judge(const Mutant& mutant, const Original& original, int seeds) {
  for (int seed = 0; seed < seeds; ++seed) {
    const std::string id = emulator::with_schedule_seed("emulator:sm_90a", static_cast<uint64_t>(seed));
    const double spread = seed % 2 == 1 ? original.spread : 1;
    Verdict verdict = judge_once(mutant, original.problem, spread, Device::open(id));
    if (verdict.caught) return verdict;
  }
  return {};
}

}  // namespace warpfinch::mutants
