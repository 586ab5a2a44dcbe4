// What two plans must have in common to run the same way: one digest for configs that only differ in name.
#pragma once

#include <string>
#include <vector>

#include "generator/plan.hpp"
#include "runtime/compiler.hpp"

namespace warpfinch {

// 32 hex digits over every launch: its source (comments left out) and how it is launched (tiles, threads,
// shared memory, tensor maps), which decides the time as much.
std::string source_digest(const Plan& plan);
// The same over what a compiler made of the sources, kernels[i] of launch i: it stays when a text says the
// same in other words, and changes with a compiler that makes something else of it.
std::string cubin_digest(const Plan& plan, const std::vector<CompiledKernel>& kernels);

}  // namespace warpfinch
