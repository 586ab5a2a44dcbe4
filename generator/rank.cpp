// The configs of a space by predicted time. The kernels of a plan are independent: each kernel's configs are
// ranked alone, and the best sums are drawn from those lists one by one, so that the product of the spaces
// (hundreds of millions for three kernels) is never walked. Nor is a single kernel's space once its genes
// have multiplied: then the model leads down from a few dozen places.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <queue>
#include <random>
#include <set>
#include <tuple>

#include "generator/config_space.hpp"

namespace warpfinch {
namespace {

// Beyond so many points a space is not walked: 2 us each, before the first kernel can be chosen.
constexpr double kEveryConfig = 50000;
constexpr int kDescents = 48, kMostTries = 100000;

struct Ranked {
  double us;
  std::string text;
  KernelConfig config;
};

bool repeats_another_kernel(const Problem& problem, const KernelConfig& config) {
  return visit_kernel(problem, config, [](const auto& computed, const auto& kernel) {
    return repeats_another(computed, kernel);
  });
}

// Counts like an odometer; false when it comes back to zero.
bool advance(Genome& genome, const std::vector<Gene>& genes) {
  for (size_t i = genes.size(); i-- > 0;) {
    if (++genome[i] < static_cast<int>(genes[i].values.size())) return true;
    genome[i] = 0;
  }
  return false;
}

// Predicted time of a genome of one kernel; infinity: not valid, or the same kernel as another.
double cost(const ConfigSpace& space, const Genome& genome) {
  const Config config = decode(space, genome);
  if (repeats_another_kernel(space.problem, config.kernels[0]) || check(space.problem, config, space.target))
    return std::numeric_limits<double>::infinity();
  return predict_us(space.problem, config, space.target);
}

// Predicted times by genome.
using Costs = std::map<Genome, double>;

Costs every_cost(const ConfigSpace& space) {
  Costs costs;
  Genome genome(space.genes.size(), 0);
  do costs.emplace_hint(costs.end(), genome, cost(space, genome));
  while (advance(genome, space.genes));
  return costs;
}

// Descends from a genome to one that no other value of a single gene betters, and keeps all that it meets.
void descend(Genome genome, const ConfigSpace& space, Costs& costs) {
  const auto known = [&](const Genome& asked) {
    const auto [place, added] = costs.try_emplace(asked, 0);
    if (added) place->second = cost(space, asked);
    return place->second;
  };
  double best = known(genome);
  for (bool better = true; better;) {
    better = false;
    for (size_t gene = 0; gene < genome.size(); ++gene)
      for (int value = 0; value < static_cast<int>(space.genes[gene].values.size()); ++value) {
        Genome other = genome;
        other[gene] = value;
        if (const double us = known(other); us < best) best = us, genome = other, better = true;
      }
  }
}

// Of a large space: what descents from the default config and from seeded random ones meet.
Costs sampled_costs(const ConfigSpace& space) {
  Costs costs;
  if (const auto start = encode(space, default_config(space.problem))) descend(*start, space, costs);
  std::mt19937_64 random(1);
  for (int descents = 0, tries = 0; descents < kDescents && tries < kMostTries; ++tries) {
    Genome genome;
    for (const Gene& gene : space.genes) genome.push_back(static_cast<int>(random() % gene.values.size()));
    if (std::isinf(cost(space, genome))) continue;
    descend(genome, space, costs);
    ++descents;
  }
  return costs;
}

// The valid configs of one kernel, best first: all of them, or of a large space those that were met.
std::vector<Ranked> ranked_kernel(const ConfigSpace& space) {
  std::vector<Ranked> result;
  for (const auto& [genome, us] : size(space) <= kEveryConfig ? every_cost(space) : sampled_costs(space)) {
    if (std::isinf(us)) continue;
    const Config config = decode(space, genome);
    result.push_back({us, to_text(config), config.kernels[0]});
  }
  std::sort(result.begin(), result.end(),
            [](const Ranked& a, const Ranked& b) { return std::tie(a.us, a.text) < std::tie(b.us, b.text); });
  return result;
}

// The space of each kernel, with the genes that `space` has for it.
std::vector<ConfigSpace> kernel_spaces(const ConfigSpace& space) {
  std::vector<ConfigSpace> result;
  auto next = space.genes.begin();
  for (const Problem& part : kernel_problems(space.problem)) {
    ConfigSpace kernel = config_space(part, space.target);
    for (Gene& gene : kernel.genes) gene.values = (next++)->values;
    result.push_back(std::move(kernel));
  }
  return result;
}

using Places = std::vector<size_t>;  // for each kernel the place in its list

Config config_at(const std::vector<std::vector<Ranked>>& lists, const Places& places) {
  Config config;
  for (size_t i = 0; i < lists.size(); ++i) config.kernels.push_back(lists[i][places[i]].config);
  return config;
}

double us_at(const std::vector<std::vector<Ranked>>& lists, const Places& places) {
  double us = 0;
  for (size_t i = 0; i < lists.size(); ++i) us += lists[i][places[i]].us;
  return us;
}

}  // namespace

std::vector<Config> rank(const ConfigSpace& space, size_t count) {
  std::vector<std::vector<Ranked>> lists;
  for (const ConfigSpace& kernel : kernel_spaces(space)) {
    lists.push_back(ranked_kernel(kernel));
    if (lists.back().empty()) return {};
  }
  // Equal sums come in the order of the places, which is that of the texts.
  using Candidate = std::pair<double, Places>;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> frontier;
  std::set<Places> seen;
  const auto offer = [&](const Places& places) {
    if (seen.insert(places).second) frontier.emplace(us_at(lists, places), places);
  };
  std::vector<Config> result;
  for (offer(Places(lists.size(), 0)); !frontier.empty() && result.size() < count;) {
    Places places = frontier.top().second;
    frontier.pop();
    result.push_back(config_at(lists, places));
    for (size_t i = 0; i < places.size(); ++i) {
      if (++places[i] < lists[i].size()) offer(places);
      --places[i];
    }
  }
  return result;
}

}  // namespace warpfinch
