// What two plans must have in common to run the same way: one digest for configs that only differ in name.
#pragma once

#include <string>

#include "generator/plan.hpp"

namespace warpfinch {

// 32 hex digits over every launch: its source (comments left out) and how it is launched (tiles, threads,
// shared memory, tensor maps), which decides the time as much.
std::string source_digest(const Plan& plan);

}  // namespace warpfinch
