// The operators of the evolution, on genomes. Each is a function of its arguments and the random numbers
// only.
#pragma once

#include <optional>
#include <random>

#include "generator/config_space.hpp"

namespace warpfinch {

using Random = std::mt19937_64;

// The distributions of the standard library differ between libraries; these give the same run everywhere.
size_t random_below(Random& random, size_t bound);  // bound > 0
bool random_chance(Random& random, double probability);

bool is_valid(const ConfigSpace& space, const Genome& genome);
Genome random_genome(const ConfigSpace& space, Random& random);
// Each gene from one of the two parents.
Genome crossover(const Genome& a, const Genome& b, Random& random);
// Each gene, with probability `rate`, to the value beside it in its domain, at times to any value.
Genome mutate(Genome genome, const ConfigSpace& space, double rate, Random& random);
// The genome itself when it is valid, else a valid one that differs in one gene, the nearest values first;
// nullopt when there is none.
std::optional<Genome> repair(const Genome& genome, const ConfigSpace& space, Random& random);

}  // namespace warpfinch
