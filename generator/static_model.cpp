// Predicted microseconds, for ranking only: which configs are worth compiling first, and which to show on a
// machine without a GPU. Each operation's model stands in its cost.cpp.
#include <cassert>

#include "generator/config_space.hpp"

namespace warpfinch {

double predict_us(const Problem& problem, const Config& config, const Target& target) {
  const std::vector<Problem> parts = kernel_problems(problem);
  assert(parts.size() == config.kernels.size());
  double us = 0;
  for (size_t i = 0; i < parts.size(); ++i)
    us += visit_kernel(parts[i], config.kernels[i], [&](const auto& computed, const auto& kernel) {
      return kernel_us(computed, kernel, target);
    });
  return us;
}

}  // namespace warpfinch
