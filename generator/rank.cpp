// The configs of a space by predicted time. The kernels of a plan are independent: each kernel's configs are
// ranked alone, and the best sums are drawn from those lists one by one, so that the product of the spaces
// (hundreds of millions for three kernels) is never walked.
#include <algorithm>
#include <queue>
#include <set>
#include <tuple>

#include "generator/config_space.hpp"

namespace warpfinch {
namespace {

struct Ranked {
  double us;
  std::string text;
  KernelConfig config;
};

bool needs_mask(const Problem& problem, int key_tile) {
  const AttentionFields* fields = attention(problem);
  return band(*fields) != Band{} || fields->kv_len % key_tile != 0;
}

// A branch around a mask that no tile needs prints the same kernel as the split loop.
bool repeats_another(const Problem& problem, const KernelConfig& config) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  return c && c->mask_loop == MaskLoop::branch && !needs_mask(problem, c->key_tile);
}

// Counts like an odometer; false when it comes back to zero.
bool advance(Genome& genome, const std::vector<Gene>& genes) {
  for (size_t i = genes.size(); i-- > 0;) {
    if (++genome[i] < static_cast<int>(genes[i].values.size())) return true;
    genome[i] = 0;
  }
  return false;
}

// Every valid config of one kernel, best first.
std::vector<Ranked> ranked_kernel(const ConfigSpace& space) {
  std::vector<Ranked> result;
  Genome genome(space.genes.size(), 0);
  do {
    const Config config = decode(space, genome);
    if (repeats_another(space.problem, config.kernels[0]) || check(space.problem, config, space.target))
      continue;
    result.push_back({predict_us(space.problem, config, space.target), to_text(config), config.kernels[0]});
  } while (advance(genome, space.genes));
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
