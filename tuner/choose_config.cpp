// Which config a problem gets: the user's, a database's, the static model's. A shape that nobody tuned gets
// the config of a shape near to it. Which of the near ones, the static model decides, corrected by what it
// was wrong by on that config's own shape: the model knows waves and tails of the new shape, the measurement
// knows the kernel.
#include <algorithm>
#include <cmath>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "runtime/log.hpp"
#include "tuner/engine.hpp"

namespace warpfinch {

namespace {

// Of the model's ranking so many are tried before giving up; the first one works unless the verifier knows
// more than the constraints.
constexpr size_t kModelTries = 16;
// So many near shapes of each source are compared, and this is what an octave of distance costs: a correction
// that was measured far away says less about this shape.
constexpr size_t kNearShapes = 5;
constexpr double kPricePerOctave = 0.05;

struct Candidate {
  Config config;
  std::string origin;
  bool measured_here = true;
  double us = 0;  // expected
};

std::string origin(const Best& best, std::string_view source, const std::string& problem) {
  const std::string near = best.problem == problem ? "" : "near: " + best.problem;
  const std::string device = best.how == Lookup::other_device ? "other device: " + best.device : "";
  const std::string other = best.differences.empty() ? "" : "measured with " + best.differences;
  std::string remarks;
  for (const std::string& remark : {device, near, other})
    if (!remark.empty()) remarks += (remarks.empty() ? "" : ", ") + remark;
  return remarks.empty() ? std::string(source) : fmt::format("{} ({})", source, remarks);
}

bool works(const Problem& problem, const Config& config, const Target& target) {
  return !check(problem, config, target) && generate(problem, config, target);
}

// What the model says of this shape, scaled by measured over predicted of the config's own shape.
double expected_us(const Problem& problem, const Config& config, const Best& best, const Target& target) {
  const double there = predict_us(parse_problem(best.problem), config, target);
  return predict_us(problem, config, target) * best.median_us / there * (1 + kPricePerOctave * best.distance);
}

// nullopt: a config that this version does not know any more, or that is illegal for this shape.
std::optional<Candidate> candidate(const Problem& problem, const Best& best, std::string_view source,
                                   const Target& target) {
  try {
    Candidate found{.config = parse_config(best.config, problem),
                    .origin = origin(best, source, to_text(problem)),
                    .measured_here = best.how != Lookup::other_device};
    if (check(problem, found.config, target)) return std::nullopt;
    found.us = expected_us(problem, found.config, best, target);
    return found;
  } catch (const Error& error) {
    if (error.kind != ErrorKind::input) throw;
    return std::nullopt;
  }
}

// What a source answers, by how far it is to be trusted: this very shape first, another device last.
struct Tier {
  bool on_device, same_shape;
};
constexpr Tier kTiers[] = {{true, true}, {true, false}, {false, true}, {false, false}};

bool belongs(const Best& best, const Tier& tier, const std::string& problem) {
  return (best.how != Lookup::other_device) == tier.on_device && (best.problem == problem) == tier.same_shape;
}

// The sources' candidates of one tier, most promising first; for the very shape in the order of the sources.
std::vector<Candidate> candidates(const Problem& problem, const Target& target, const Machine& machine,
                                  const std::vector<ConfigSource>& sources, const Tier& tier) {
  std::vector<Candidate> found;
  for (const ConfigSource& source : sources)
    for (const Best& best : source.database->answers(problem, machine, tier.same_shape ? 0 : kNearShapes))
      if (belongs(best, tier, to_text(problem)))
        if (auto one = candidate(problem, best, source.name, target)) found.push_back(std::move(*one));
  if (!tier.same_shape)
    std::stable_sort(found.begin(), found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.us < b.us; });
  return found;
}

std::optional<Choice> from_sources(const Problem& problem, const Target& target, const Machine& machine,
                                   const std::vector<ConfigSource>& sources) {
  for (const Tier& tier : kTiers)
    for (Candidate& one : candidates(problem, target, machine, sources, tier))
      if (works(problem, one.config, target))
        return Choice{std::move(one.config), std::move(one.origin), one.measured_here};
  return std::nullopt;
}

Choice from_model(const Problem& problem, const Target& target) {
  std::string reason = "the constraints leave none";
  for (Config& config : rank(config_space(problem, target), kModelTries)) {
    const Expected<Plan> plan = generate(problem, config, target);
    if (plan) return {std::move(config), "model", false};
    reason = fmt::format("{}: {}", to_text(config), plan.rejection().reason);
  }
  fail_input(fmt::format("no config works for {} on {}; {}", to_text(problem), target.name, reason));
}

}  // namespace

void warn_if_unmeasured(const Problem& problem, const Choice& choice, const Machine& machine) {
  if (choice.measured_here || machine.driver.empty()) return;
  logger()->warn("{}: its config ({}) was never measured on {}; `warpfinch tune` measures there",
                 to_text(problem), choice.origin, machine.device);
}

std::vector<ConfigSource> config_sources(const std::optional<ConfigDatabase>& own,
                                         const std::optional<ConfigDatabase>& shipped) {
  std::vector<ConfigSource> sources;
  if (own) sources.push_back({&*own, "database"});
  if (shipped) sources.push_back({&*shipped, "shipped"});
  return sources;
}

Choice choose_config(const Problem& problem, std::string_view config_text, const Target& target,
                     const Machine& machine, const std::vector<ConfigSource>& sources) {
  if (!config_text.empty()) return {parse_config(config_text, problem), "given"};
  if (auto choice = from_sources(problem, target, machine, sources)) return *choice;
  return from_model(problem, target);
}

}  // namespace warpfinch
