// How far a config has to travel from one problem to another.
#pragma once

#include "generator/problem.hpp"

namespace warpfinch {

// In octaves; 0 for equal problems, infinity where the kernels have nothing in common (another operation,
// head dim, or kind of mask). The 16-bit types are one class: their kernels have the same shape.
double shape_distance(const Problem& a, const Problem& b);

}  // namespace warpfinch
