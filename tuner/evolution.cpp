// The genetic algorithm.
#include "tuner/evolution.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tuner/genetics.hpp"

namespace warpfinch {

namespace {

constexpr int kBreedTries = 200;      // per child, before a random config is taken
constexpr int kRandomTries = 500;     // per config, before the space is searched one by one
constexpr double kSweepLimit = 1e6;   // spaces beyond this many points are not swept

void sort_by_cost(std::vector<Individual>& individuals) {
  std::stable_sort(individuals.begin(), individuals.end(),
                   [](const Individual& a, const Individual& b) { return a.cost_us < b.cost_us; });
}

// Counts the genome up by one, first gene fastest; false after the last.
bool increment(Genome& genome, const ConfigSpace& space) {
  for (size_t i = 0; i < genome.size(); ++i) {
    if (++genome[i] < static_cast<int>(space.genes[i].values.size())) return true;
    genome[i] = 0;
  }
  return false;
}

}  // namespace

Evolution::Evolution(ConfigSpace space, uint64_t seed, EvolutionOptions options)
    : space_(std::move(space)), options_(options), random_(seed), cursor_(space_.genes.size(), 0) {
  options_.population = std::max(options_.population, 2);
  options_.elite = std::clamp(options_.elite, 1, options_.population - 1);
  for (const Config& config : rank(space_, static_cast<size_t>(std::max(options_.seeds_from_model, 0))))
    if (auto genome = encode(space_, config)) seeds_.push_back(std::move(*genome));
}

void Evolution::suggest(const Config& config) {
  if (auto genome = encode(space_, config)) seeds_.push_front(std::move(*genome));
}

bool Evolution::fresh(const Genome& genome) const {
  return !asked_.contains(genome) && is_valid(space_, genome);
}

std::vector<Config> Evolution::ask(size_t count) {
  std::vector<Config> configs;
  while (configs.size() < count) {
    const std::optional<Genome> genome = next();
    if (!genome) break;
    asked_.insert(*genome);
    configs.push_back(decode(space_, *genome));
  }
  return configs;
}

std::optional<Genome> Evolution::next() {
  if (auto seed = next_seed()) return seed;
  if (auto child = breed()) return child;
  for (int i = 0; i < kRandomTries; ++i) {
    Genome genome = random_genome(space_, random_);
    if (fresh(genome)) return genome;
  }
  return sweep();
}

std::optional<Genome> Evolution::next_seed() {
  while (!seeds_.empty()) {
    Genome genome = std::move(seeds_.front());
    seeds_.pop_front();
    if (fresh(genome)) return genome;
  }
  return std::nullopt;
}

std::optional<Genome> Evolution::breed() {
  for (int i = 0; i < kBreedTries && !population_.empty(); ++i) {
    Genome child = select_parent();
    if (random_chance(random_, options_.crossover)) child = crossover(child, select_parent(), random_);
    const auto valid = repair(mutate(std::move(child), space_, options_.mutation, random_), space_, random_);
    if (valid && fresh(*valid)) return valid;
  }
  return std::nullopt;
}

// The last configs of a small space are hard to hit by chance.
std::optional<Genome> Evolution::sweep() {
  if (size(space_) > kSweepLimit) return std::nullopt;
  do {
    if (fresh(cursor_)) return cursor_;
  } while (increment(cursor_, space_));
  return std::nullopt;
}

// Tournament: the best of a few drawn with replacement. The population is sorted, so the lowest index wins.
const Genome& Evolution::select_parent() {
  size_t best = random_below(random_, population_.size());
  for (int i = 1; i < options_.tournament; ++i)
    best = std::min(best, random_below(random_, population_.size()));
  return population_[best].genome;
}

void Evolution::tell(const Config& config, double cost_us) {
  const auto genome = encode(space_, config);
  if (!genome) return;
  if (std::isfinite(cost_us)) generation_.push_back({*genome, cost_us});
  const int wanted = population_.empty() ? options_.population : options_.population - options_.elite;
  if (++told_ >= wanted) next_generation();
}

// The elite survives unchanged beside the newly told; where those are few (many were rejected), the best of
// the old parents fill the places.
void Evolution::next_generation() {
  const size_t places = static_cast<size_t>(options_.population);
  const size_t kept = std::max(static_cast<size_t>(options_.elite),
                               places - std::min(places, generation_.size()));
  if (population_.size() > kept) population_.resize(kept);
  population_.insert(population_.end(), generation_.begin(), generation_.end());
  sort_by_cost(population_);
  if (population_.size() > places) population_.resize(places);
  generation_.clear();
  told_ = 0;
}

}  // namespace warpfinch
