// Problem + config → the naive programs of its plan.
#include "generator/operations.hpp"

namespace warpfinch {

PlannedKernels single(ir::Program program, size_t buffer_count) {
  PlannedKernels result;
  result.kernels.push_back({std::move(program), {}});
  for (size_t i = 0; i < buffer_count; ++i) result.kernels[0].arguments.push_back({static_cast<int>(i), 0});
  return result;
}

PlannedKernels build(const Problem& problem, const Config& config, const Target& target) {
  return std::visit([&](const auto& operation) { return build_of(operation, config, target); }, problem);
}

}  // namespace warpfinch
