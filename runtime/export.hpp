// A plan as one self-contained .cu: device headers, kernels, and a launcher that plain nvcc compiles and
// links. Run, it fills seeded random inputs, launches, compares with a float64 reference of its own and times
// itself.
#pragma once

#include <optional>
#include <string>

#include "generator/plan.hpp"
#include "generator/problem.hpp"

namespace warpfinch {

// The problem decides which reference goes into the file. Without one (a user's program) the file only looks
// whether every output element was written.
std::string export_cuda(const Plan& plan, const std::optional<Problem>& problem);

}  // namespace warpfinch
