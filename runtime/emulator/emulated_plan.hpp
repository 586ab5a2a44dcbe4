// A plan on the emulator. Internal to runtime/.
#pragma once

#include <memory>

#include "runtime/compiler.hpp"
#include "runtime/loaded_plan.hpp"

namespace warpfinch::emulator {

std::shared_ptr<const LoadedPlan> load_plan(std::shared_ptr<const Device> device, uint64_t schedule_seed,
                                            Plan plan, const std::vector<CompiledKernel>& kernels);

}  // namespace warpfinch::emulator
