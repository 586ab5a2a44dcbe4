// A plan on the emulator. Internal to runtime/.
#pragma once

#include <memory>

#include "runtime/compiler.hpp"
#include "runtime/emulator/emulator.hpp"
#include "runtime/loaded_plan.hpp"

namespace warpfinch::emulator {

std::shared_ptr<const LoadedPlan> load_plan(std::shared_ptr<const Device> device, const Options& options,
                                            Plan plan, const std::vector<CompiledKernel>& kernels);

}  // namespace warpfinch::emulator
