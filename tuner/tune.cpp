// The tuning loop.
#include "tuner/tune.hpp"

#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "generator/generate.hpp"
#include "tuner/candidate.hpp"
#include "tuner/source_digest.hpp"

namespace warpfinch {

namespace {

constexpr size_t kPriorShapes = 4;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// One call of tune().
// Failures that another process on the GPU may have caused: another run may try again.
bool is_transient(const Evaluation& evaluation) {
  const Rejection* rejection = std::get_if<Rejection>(&evaluation.outcome);
  return rejection &&
         (rejection->stage == "crash" || rejection->stage == "protocol" || rejection->stage == "load");
}

class Run {
 public:
  Run(const Problem& problem, const Target& target, Evaluator& evaluator, ConfigDatabase& database,
      const TuneOptions& options)
      : problem_(problem),
        text_(to_text(problem)),
        target_(target),
        evaluator_(evaluator),
        database_(database),
        options_(options),
        machine_(evaluator.machine()),
        evolution_(config_space(problem, target), options.seed, options.evolution),
        started_(now()) {}

  TuneResult go() {
    suggest_prior();
    size_t count = static_cast<size_t>(options_.evolution.population);
    while (!over()) {
      const std::vector<Config> asked = evolution_.ask(limited(count));
      if (asked.empty()) break;  // the space is exhausted
      evaluate(asked);
      count = static_cast<size_t>(std::max(1, options_.evolution.population - options_.evolution.elite));
    }
    confirm();
    result_.stopped = stopped();
    return result_;
  }

 private:
  double now() const { return options_.clock ? options_.clock() : steady_seconds(); }
  bool stopped() const { return options_.stop.stop_requested(); }

  bool over() const {
    const Budget& budget = options_.budget;
    return stopped() || (budget.seconds > 0 && now() - started_ >= budget.seconds) ||
           (budget.evaluations > 0 && result_.evaluated >= budget.evaluations);
  }

  size_t limited(size_t count) const {
    if (options_.budget.evaluations == 0) return count;
    return std::min(count, static_cast<size_t>(options_.budget.evaluations - result_.evaluated));
  }

  // What was fastest for this shape, and for those nearest to it, is where the search starts: shapes with the
  // same kernel share good configs.
  void suggest_prior() {
    std::vector<Best> known = database_.answers(problem_, machine_, kPriorShapes);
    if (known.empty()) known = {database_.best(problem_, machine_, true)};
    if (options_.shipped)
      for (Best& best : options_.shipped->answers(problem_, machine_, kPriorShapes))
        known.push_back(std::move(best));
    // The last one suggested is asked first.
    for (auto best = known.rbegin(); best != known.rend(); ++best) suggest(*best);
    for (auto config = options_.first.rbegin(); config != options_.first.rend(); ++config)
      evolution_.suggest(*config);
  }

  void suggest(const Best& best) {
    if (best.how == Lookup::none) return;
    try {
      evolution_.suggest(parse_config(best.config, problem_));
    } catch (const Error&) {
      // Written by another version, whose configs had other fields: then the others have to do.
    }
  }

  // What is known is told at once, what is impossible recorded; the rest goes to the evaluator in one batch,
  // so that it can compile in parallel. Of configs with one source the first is evaluated, the others are its
  // twins.
  void evaluate(const std::vector<Config>& asked) {
    std::vector<Config> fresh, twins;
    std::set<std::string> in_batch;
    for (const Config& config : asked) {
      if (stopped()) return;
      if (over()) break;  // what stands in the batch by now is still evaluated, at least its first
      const Expected<std::string> digest = source(config);
      if (!digest)
        reject(config, digest.rejection());
      else if (!is_known(config, *digest))
        (in_batch.insert(digests_.at(to_text(config))).second ? fresh : twins).push_back(config);
    }
    size_t next = 0;
    if (!fresh.empty())
      evaluator_.evaluate_each(
          problem_, fresh,
          [&](const Evaluation& evaluation) {
            take(fresh.at(next++), evaluation);
            return !over();
          },
          [&](const Evaluation& compiled) {
            auto found = recorded(compiled);
            if (found) known_by_cubin_.insert(compiled.config);
            return found;
          });
    for (const Config& twin : twins) remember(twin);
  }

  Expected<std::string> source(const Config& config) const {
    if (options_.source) return options_.source(problem_, config, target_);
    const Expected<Plan> plan = generate(problem_, config, target_);
    if (!plan) return plan.rejection();
    return source_digest(*plan);
  }

  // What the database has of a kernel, unless another run may see something else.
  std::optional<Evaluation> recorded(const Evaluation& kernel) const {
    std::optional<Evaluation> found = database_.find(kernel);
    return found && !is_transient(*found) ? found : std::nullopt;
  }

  // Was this source evaluated before, with this driver and this NVRTC? Then its outcome is told again.
  bool is_known(const Config& config, const std::string& digest) {
    digests_[to_text(config)] = digest;
    if (!known_.contains(digest)) {
      Evaluation kernel{machine_};
      kernel.problem = text_;
      kernel.digest = digest;
      if (auto found = recorded(kernel)) known_.emplace(digest, *found);
    }
    return remember(config);
  }

  void reject(const Config& config, const Rejection& rejection) {
    take(config, evaluation_of(machine_, problem_, config, {.rejection = rejection}));
  }

  void take(const Config& config, const Evaluation& evaluation) {
    database_.record(evaluation);
    if (known_by_cubin_.contains(evaluation.config))
      ++result_.remembered;
    else
      ++result_.evaluated;
    if (std::holds_alternative<Rejection>(evaluation.outcome)) ++result_.rejected;
    if (const auto digest = digests_.find(to_text(config)); digest != digests_.end())
      known_.emplace(digest->second, evaluation);
    learn(config, evaluation);
  }

  bool remember(const Config& config) {
    const auto known = known_.find(digests_.at(to_text(config)));
    if (known == known_.end()) return false;
    ++result_.remembered;
    Evaluation evaluation = known->second;
    evaluation.config = to_text(config);
    learn(config, evaluation);
    return true;
  }

  // Until the best one has been measured twice.
  void confirm() {
    std::set<std::string> confirmed;
    for (int i = 0; i < options_.confirmations && result_.best && !stopped(); ++i) {
      const std::string text = result_.best->config;
      if (!std::holds_alternative<Measurement>(result_.best->outcome) || !confirmed.insert(text).second)
        return;
      for (const Evaluation& again : evaluator_.evaluate(problem_, {parse_config(text, problem_)})) {
        database_.record(again);
        latest_[text] = again;
      }
      choose_best();
    }
  }

  void choose_best() {
    result_.best.reset();
    for (const auto& [text, evaluation] : latest_)
      if (const double cost = cost_us(evaluation);
          std::isfinite(cost) && (!result_.best || cost < cost_us(*result_.best)))
        result_.best = evaluation;
  }

  void learn(const Config& config, const Evaluation& evaluation) {
    const double cost = cost_us(evaluation);
    evolution_.tell(config, cost);
    latest_[evaluation.config] = evaluation;
    if (std::isfinite(cost) && (!result_.best || cost < cost_us(*result_.best))) result_.best = evaluation;
    if (!options_.progress) return;
    TuneProgress progress{result_.evaluated,
                          result_.rejected,
                          result_.remembered,
                          now() - started_,
                          text_,
                          &evaluation,
                          result_.best ? &*result_.best : nullptr};
    options_.progress(progress);
  }

  const Problem& problem_;
  const std::string text_;
  const Target& target_;
  Evaluator& evaluator_;
  ConfigDatabase& database_;
  const TuneOptions& options_;
  const Machine machine_;
  Evolution evolution_;
  const double started_;
  std::unordered_map<std::string, Evaluation> known_;     // by digest
  std::unordered_map<std::string, std::string> digests_;  // by config text
  std::map<std::string, Evaluation> latest_;              // by config text
  std::set<std::string> known_by_cubin_;                  // config texts
  TuneResult result_;
};

}  // namespace

TuneResult tune(const Problem& problem, const Target& target, Evaluator& evaluator, ConfigDatabase& database,
                const TuneOptions& options) {
  return Run(problem, target, evaluator, database, options).go();
}

std::string why_no_best(const TuneResult& result) {
  const int tried = result.evaluated + result.remembered;
  if (tried == 0) return "the budget ended before a config was tried";
  return fmt::format("none of the {} configs tried works", tried);
}

}  // namespace warpfinch
