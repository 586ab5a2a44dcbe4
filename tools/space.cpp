// warpfinch space: what the tuner may choose for a problem, what forbids a choice, and the static model's
// opinion.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "generator/config_space.hpp"
#include "tools/command.hpp"
#include "tools/output.hpp"
#include "tools/selection.hpp"

namespace warpfinch {
namespace {

// Spaces above this are not counted config by config: that would take minutes.
constexpr double kCountLimit = 4e6;

struct Options {
  Selection selection;
  int limit = 0;
};

// Every config of the space, counted as an odometer over its genes; -1 where there are too many.
int64_t count_valid(const ConfigSpace& space) {
  if (size(space) > kCountLimit) return -1;
  Genome genome(space.genes.size(), 0);
  for (int64_t valid = 0;;) {
    valid += !check(space.problem, decode(space, genome), space.target);
    size_t gene = 0;
    while (gene < genome.size() && ++genome[gene] == static_cast<int>(space.genes[gene].values.size()))
      genome[gene++] = 0;
    if (gene == genome.size()) return valid;
  }
}

void print_text(const ConfigSpace& space, int64_t valid, const std::vector<Config>& best) {
  print_out("problem     {}\ntarget      {}\n\n", to_text(space.problem), space.target.name);
  for (const Gene& gene : space.genes) print_out("{:<16}{}\n", gene.name, fmt::join(gene.values, " "));
  print_out("\nconstraints\n");
  for (const Constraint& constraint : constraints(space.problem))
    print_out("  {:<20}{}\n", constraint.name, constraint.meaning);
  print_out("\n{:.0f} configs, {}\n", size(space),
            valid < 0 ? "too many to count the valid ones" : fmt::format("{} of them valid", valid));
  if (!best.empty()) print_out("\npredicted us (static model, not measured)  config\n");
  for (const Config& config : best)
    print_out("{:>12.2f}  {}\n", predict_us(space.problem, config, space.target), to_text(config));
}

void print_lines(const ConfigSpace& space, int64_t valid, const std::vector<Config>& best) {
  print_json({{"kind", "space"},
              {"problem", to_text(space.problem)},
              {"target", space.target.name},
              {"configs", size(space)},
              {"valid", valid < 0 ? Json() : Json(valid)}});
  for (const Gene& gene : space.genes)
    print_json({{"kind", "gene"}, {"name", gene.name}, {"values", gene.values}});
  for (const Constraint& constraint : constraints(space.problem))
    print_json({{"kind", "constraint"}, {"name", constraint.name}, {"meaning", constraint.meaning}});
  for (const Config& config : best)
    print_json({{"kind", "config"},
                {"config", to_text(config)},
                {"predicted_us", predict_us(space.problem, config, space.target)}});
}

int show_space(const Options& options) {
  const ConfigSpace space =
      config_space(parse_problem(options.selection.problem), target_by_name(options.selection.target));
  const int64_t valid = count_valid(space);
  const std::vector<Config> best =
      options.limit > 0 ? rank(space, static_cast<size_t>(options.limit)) : std::vector<Config>();
  options.selection.json ? print_lines(space, valid, best) : print_text(space, valid, best);
  return 0;
}

}  // namespace

Command add_space(CLI::App& program) {
  CLI::App* app = program.add_subcommand("space", "Show the configs that a problem can have");
  auto options = std::make_shared<Options>();
  app->add_option("--problem", options->selection.problem, "What to compute")->required();
  add_target_option(*app, options->selection);
  app->add_option("--limit", options->limit, "Also list the best N configs by the static model")
      ->check(whole_number(0, std::numeric_limits<int>::max()));
  add_json_option(*app, options->selection.json);
  return {app, [options] { return show_space(*options); }};
}

}  // namespace warpfinch
