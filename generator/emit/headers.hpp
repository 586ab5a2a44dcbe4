// Which device headers a kernel gets: what its program uses, in the way that the target can do it.
#pragma once

#include <vector>

#include "generator/cuda_source.hpp"
#include "generator/ir/program.hpp"
#include "generator/target.hpp"

namespace warpfinch::emit {

// In order of inclusion, dependencies first.
std::vector<Header> headers(const ir::Program& program, const Target& target);

}  // namespace warpfinch::emit
