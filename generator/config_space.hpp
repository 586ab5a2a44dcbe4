// The domains of the genes and the constraints between them, per problem and target.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "generator/config.hpp"
#include "generator/plan.hpp"
#include "generator/target.hpp"

namespace warpfinch {

// One gene: a config field, and the texts of the values that it may take. In a plan of several kernels the
// name carries the kernel: "0.n_tile".
struct Gene {
  std::string name;
  std::vector<std::string> values;
  bool operator==(const Gene&) const = default;
};

// For each gene the index of its value.
using Genome = std::vector<int>;

struct ConfigSpace {
  Problem problem;
  Target target;
  std::vector<Gene> genes;
};

// The problem that each kernel of the plan solves: the problem itself, or the gemm, softmax and gemm of the
// three-kernel form (scores in fp32, one batch entry per query head). Not canonical; for sizes only.
std::vector<Problem> kernel_problems(const Problem& problem);

ConfigSpace config_space(const Problem& problem, const Target& target);
// Number of points, before constraints.
double size(const ConfigSpace& space);
// The config that a genome means.
Config decode(const ConfigSpace& space, const Genome& genome);
// The genome of a config whose values all lie in the domains; nullopt otherwise.
std::optional<Genome> encode(const ConfigSpace& space, const Config& config);

// One named constraint on a kernel's config: what it says in words, and the reason with numbers when it does
// not hold. The problem is the kernel's own (kernel_problems).
struct Constraint {
  std::string
      name;  // a gene's, or of several genes; in a plan of several kernels with the kernel: "0.n_tile"
  std::string meaning;
  std::function<Reason(const Problem&, const KernelConfig&, const Target&)> violated;
};
// Of all kernels of the problem's plan, in the order in which `check` asks.
std::vector<Constraint> constraints(const Problem& problem);
// The first violated constraint as a Rejection with stage "config". Cheap: arithmetic only.
std::optional<Rejection> check(const Problem& problem, const Config& config, const Target& target);

// Predicted microseconds of a valid config by the static model: MMA, exponentials, memory, waves and launch.
// A ranking, not a measurement; never mixed with measured numbers.
double predict_us(const Problem& problem, const Config& config, const Target& target);
// Valid configs of the space by predicted time, best first, ties by text, at most `count`. A config that
// would print the same kernel as another one (mask_loop where no tile needs a mask) is left out.
std::vector<Config> rank(const ConfigSpace& space, size_t count);

}  // namespace warpfinch
