// The genetic algorithm: ask and tell, seeded, no I/O, no clock. The same seed and the same answers give the
// same questions. A generation is complete when `population` answers (later: that less the elite) were told;
// the elite and the newly told are then the parents. No config is asked twice, so the population never
// collapses into copies of one config.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "generator/config_space.hpp"

namespace warpfinch {

struct EvolutionOptions {
  int population = 16;
  int seeds_from_model = 8;    // the static model's best; the rest of the first generation is random
  int elite = 4;               // survive unchanged
  int tournament = 3;
  double crossover = 0.6;      // share of children with two parents
  double mutation = 0.25;      // per gene; to a neighbouring value of its domain, at times to any
};

struct Individual {
  Genome genome;
  double cost_us = 0;          // infinity: rejected
};

class Evolution {
 public:
  Evolution(ConfigSpace space, uint64_t seed, EvolutionOptions options = {});
  // Asks this config before all others: a shape nearby was fastest with it. Ignored when it is outside the
  // space.
  void suggest(const Config& config);
  // Up to `count` configs that were never asked before, all valid under the constraints; empty when the space
  // is exhausted (or no new child was found after many tries).
  std::vector<Config> ask(size_t count);
  // The cost of a config that was asked (microseconds; infinity when rejected).
  void tell(const Config& config, double cost_us);
  // The parents of the next children, best first; only what has a finite cost becomes a parent.
  const std::vector<Individual>& population() const { return population_; }

 private:
  bool fresh(const Genome& genome) const;
  std::optional<Genome> next();
  std::optional<Genome> next_seed();
  std::optional<Genome> breed();
  std::optional<Genome> sweep();
  const Genome& select_parent();
  void next_generation();

  ConfigSpace space_;
  EvolutionOptions options_;
  std::mt19937_64 random_;
  std::deque<Genome> seeds_;             // still to be asked
  std::vector<Individual> population_;   // the parents, best first
  std::vector<Individual> generation_;   // told since the parents were chosen
  int told_ = 0;                         // in this generation, rejected ones too
  std::set<Genome> asked_;
  Genome cursor_;                        // where the sweep over the whole space stands
};

}  // namespace warpfinch
