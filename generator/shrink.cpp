#include "generator/shrink.hpp"

#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "generator/operations.hpp"

namespace warpfinch {
namespace {

bool is_legal(const Problem& problem, const Config& config, const Target& target) {
  return !check(problem, config, target) && generate(problem, config, target);
}

}  // namespace

Problem shrink(const Problem& problem, const Config& config, const Target& target) {
  const Problem smaller =
      std::visit([&](const auto& operation) { return canonical(shrunk(operation, config)); }, problem);
  return is_legal(smaller, config, target) ? smaller : problem;
}

}  // namespace warpfinch
