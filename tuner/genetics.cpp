// The operators of the evolution.
#include "tuner/genetics.hpp"

#include <cstdlib>
#include <numeric>

namespace warpfinch {

namespace {

// Of the mutations that many go to any value of the domain: the way out of a local minimum.
constexpr double kFarMutation = 0.2;

int domain(const ConfigSpace& space, size_t gene) {
  return static_cast<int>(space.genes[gene].values.size());
}

int neighbour(int value, int size, Random& random) {
  if (size == 1) return value;
  if (value == 0) return 1;
  if (value == size - 1) return value - 1;
  return random_chance(random, 0.5) ? value + 1 : value - 1;
}

std::vector<size_t> shuffled_genes(const ConfigSpace& space, Random& random) {
  std::vector<size_t> order(space.genes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_below(random, i)]);
  return order;
}

// A valid genome that differs from `genome` by `step` in one gene.
std::optional<Genome> repair_by(Genome genome, int step, const std::vector<size_t>& order,
                                const ConfigSpace& space) {
  for (const size_t gene : order) {
    const int value = genome[gene];
    for (const int other : {value - step, value + step}) {
      if (other < 0 || other >= domain(space, gene)) continue;
      genome[gene] = other;
      if (is_valid(space, genome)) return genome;
    }
    genome[gene] = value;
  }
  return std::nullopt;
}

}  // namespace

size_t random_below(Random& random, size_t bound) {
  // The bias of the remainder is below 2^-50 for domains of this size.
  return static_cast<size_t>(random() % bound);
}

bool random_chance(Random& random, double probability) {
  return static_cast<double>(random() >> 11) * 0x1p-53 < probability;
}

bool is_valid(const ConfigSpace& space, const Genome& genome) {
  return !check(space.problem, decode(space, genome), space.target);
}

Genome random_genome(const ConfigSpace& space, Random& random) {
  Genome genome;
  for (const Gene& gene : space.genes)
    genome.push_back(static_cast<int>(random_below(random, gene.values.size())));
  return genome;
}

Genome crossover(const Genome& a, const Genome& b, Random& random) {
  Genome child = a;
  for (size_t i = 0; i < child.size(); ++i)
    if (random_chance(random, 0.5)) child[i] = b[i];
  return child;
}

Genome mutate(Genome genome, const ConfigSpace& space, double rate, Random& random) {
  for (size_t i = 0; i < genome.size(); ++i) {
    if (!random_chance(random, rate)) continue;
    const int size = domain(space, i);
    genome[i] = random_chance(random, kFarMutation) ? static_cast<int>(random_below(random, size))
                                                    : neighbour(genome[i], size, random);
  }
  return genome;
}

std::optional<Genome> repair(const Genome& genome, const ConfigSpace& space, Random& random) {
  if (is_valid(space, genome)) return genome;
  const std::vector<size_t> order = shuffled_genes(space, random);
  int widest = 0;
  for (size_t gene = 0; gene < genome.size(); ++gene) widest = std::max(widest, domain(space, gene));
  for (int step = 1; step < widest; ++step)
    if (auto repaired = repair_by(genome, step, order, space)) return repaired;
  return std::nullopt;
}

}  // namespace warpfinch
