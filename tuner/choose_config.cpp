// Which config a problem gets: the user's, the database's, the static model's.
#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "tuner/engine.hpp"

namespace warpfinch {

namespace {

// Of the model's ranking so many are tried before giving up; the first one works unless the verifier knows
// more than the constraints.
constexpr size_t kModelTries = 16;

std::string origin(const Best& best) {
  if (best.how == Lookup::near_shape) return fmt::format("database (near: {})", best.problem);
  if (best.how == Lookup::other_device) return fmt::format("database (other device: {})", best.device);
  return "database";
}

bool works(const Problem& problem, const Config& config, const Target& target) {
  return !check(problem, config, target) && generate(problem, config, target);
}

// A config of the database that this version still understands and that is possible for this very problem.
std::optional<Choice> from_database(const Problem& problem, const Target& target,
                                    const std::string& device_name, const ConfigDatabase& database) {
  const Best best = database.best(problem, device_name);
  if (best.how == Lookup::none) return std::nullopt;
  try {
    Config config = parse_config(best.config, problem);
    if (works(problem, config, target)) return Choice{std::move(config), origin(best)};
  } catch (const Error& error) {
    if (error.kind != ErrorKind::input) throw;
  }
  return std::nullopt;
}

Choice from_model(const Problem& problem, const Target& target) {
  std::string reason = "the constraints leave none";
  for (Config& config : rank(config_space(problem, target), kModelTries)) {
    const Expected<Plan> plan = generate(problem, config, target);
    if (plan) return {std::move(config), "model"};
    reason = fmt::format("{}: {}", to_text(config), plan.rejection().reason);
  }
  fail_input(fmt::format("no config works for {} on {}; {}", to_text(problem), target.name, reason));
}

}  // namespace

Choice choose_config(const Problem& problem, std::string_view config_text, const Target& target,
                     const std::string& device_name, const ConfigDatabase* database) {
  if (!config_text.empty()) return {parse_config(config_text, problem), "given"};
  if (database)
    if (auto choice = from_database(problem, target, device_name, *database)) return *choice;
  return from_model(problem, target);
}

}  // namespace warpfinch
