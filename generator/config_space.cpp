// The genes and constraints of each kernel of a plan, from the rows of its operation. Genes come in the order
// of the rows, so that a genome decodes by position.
#include "generator/config_space.hpp"

#include <algorithm>
#include <cassert>

#include "generator/text.hpp"

namespace warpfinch {
namespace {

// Calls visit(row, config) for every gene of every kernel, in the order of a genome.
template <class SomeConfig, class Visitor>
void for_each_gene(SomeConfig& config, Visitor&& visit) {
  for (auto& kernel : config.kernels)
    std::visit(
        [&](auto& part) {
          for (const auto& row : part.genes()) visit(row, part);
        },
        kernel);
}

// The first constraint of a kernel that does not hold: of single genes, in their order, then of several.
template <class Problem, class Config>
Reason first_violated(const Problem& problem, const Config& config, const Target& target) {
  for (const GeneRow<Config>& row : Config::genes())
    if (Reason reason = gene_violated(row, problem, config, target)) return reason;
  for (const ConstraintOf<Config>& constraint : Config::constraints())
    if (Reason reason = constraint.violated(problem, config, target)) return reason;
  return {};
}

// What a gene's values always are: the legal ones, and what its constraint says.
template <class Config>
std::string meaning_of(const GeneRow<Config>& row) {
  std::string meaning = row.legal == Legal{} ? "" : to_text(row.legal);
  if (!row.constraint.violated) return meaning;
  return fmt::format("{}{}{}", meaning, meaning.empty() ? "" : "; ", row.constraint.meaning);
}

template <class Config, class Violated>
Constraint erased(std::string name, std::string meaning, Violated violated) {
  return {std::move(name), std::move(meaning),
          [violated](const Problem& problem, const KernelConfig& kernel, const Target& target) {
            return violated(std::get<typename Config::Computes>(problem), std::get<Config>(kernel), target);
          }};
}

template <class Config>
void append_constraints(std::vector<Constraint>& all, const std::string& prefix) {
  using Computes = typename Config::Computes;
  for (const GeneRow<Config>& row : Config::genes())
    if (const std::string meaning = meaning_of(row); !meaning.empty())
      all.push_back(
          erased<Config>(prefix + std::string(row.name), meaning,
                         [&row](const Computes& problem, const Config& config, const Target& target) {
                           return gene_violated(row, problem, config, target);
                         }));
  for (const ConstraintOf<Config>& constraint : Config::constraints())
    all.push_back(erased<Config>(prefix + std::string(constraint.name), std::string(constraint.meaning),
                                 constraint.violated));
}

// Whether the config's kernels are those of the problem's plan.
bool fits_plan(const Problem& problem, const Config& config) {
  const Config form = default_config(problem);
  return std::equal(form.kernels.begin(), form.kernels.end(), config.kernels.begin(), config.kernels.end(),
                    [](const KernelConfig& a, const KernelConfig& b) { return a.index() == b.index(); });
}

// What names of the i-th of several kernels begin with.
std::string prefix_of(size_t i, size_t kernels) { return kernels == 1 ? "" : fmt::format("{}.", i); }

}  // namespace

ConfigSpace config_space(const Problem& problem, const Target& target) {
  ConfigSpace space{problem, target, {}};
  const Config form = default_config(problem);
  const std::vector<Problem> parts = kernel_problems(problem);
  for (size_t i = 0; i < parts.size(); ++i)
    visit_kernel(parts[i], form.kernels[i], [&](const auto& part, const auto& config) {
      for (const auto& row : config.genes())
        space.genes.push_back(
            {prefix_of(i, parts.size()) + std::string(row.name), domain(row, part, target)});
    });
  return space;
}

double size(const ConfigSpace& space) {
  double points = 1;
  for (const Gene& gene : space.genes) points *= static_cast<double>(gene.values.size());
  return points;
}

Config decode(const ConfigSpace& space, const Genome& genome) {
  assert(genome.size() == space.genes.size());
  Config config = default_config(space.problem);
  size_t gene = 0;
  for_each_gene(config, [&](const auto& row, auto& part) {
    std::string wanted;
    const std::string& text = space.genes[gene].values[static_cast<size_t>(genome[gene])];
    [[maybe_unused]] const bool fits = row.field.read(text, part, wanted);
    assert(fits);
    ++gene;
  });
  return config;
}

std::optional<Genome> encode(const ConfigSpace& space, const Config& config) {
  if (!fits_plan(space.problem, config)) return std::nullopt;
  Genome genome;
  bool inside = true;
  for_each_gene(config, [&](const auto& row, const auto& part) {
    const std::vector<std::string>& values = space.genes[genome.size()].values;
    const auto found = std::find(values.begin(), values.end(), row.field.text(part));
    inside = inside && found != values.end();
    genome.push_back(static_cast<int>(found - values.begin()));
  });
  return inside ? std::optional(genome) : std::nullopt;
}

std::vector<Constraint> constraints(const Problem& problem) {
  std::vector<Constraint> all;
  const Config form = default_config(problem);
  for (size_t i = 0; i < form.kernels.size(); ++i)
    std::visit(
        [&](const auto& part) {
          append_constraints<std::decay_t<decltype(part)>>(all, prefix_of(i, form.kernels.size()));
        },
        form.kernels[i]);
  return all;
}

std::optional<Rejection> check(const Problem& problem, const Config& config, const Target& target) {
  if (!fits_plan(problem, config))
    return Rejection{"config", fmt::format("the config's kernels are not those of {}: {}", operation(problem),
                                           to_text(default_config(problem)))};
  const std::vector<Problem> parts = kernel_problems(problem);
  for (size_t i = 0; i < parts.size(); ++i) {
    const Reason reason = visit_kernel(
        parts[i], config.kernels[i],
        [&](const auto& part, const auto& kernel) { return first_violated(part, kernel, target); });
    if (!reason) continue;
    const std::string where =
        parts.size() == 1 ? "" : fmt::format("kernel {} ({}): ", i, operation(parts[i]));
    return Rejection{"config", where + *reason};
  }
  return std::nullopt;
}

}  // namespace warpfinch
