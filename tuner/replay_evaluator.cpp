// The recorded past as a world to tune in: the same questions get the answers that they got then.
#include <map>

#include "tuner/evaluators.hpp"

namespace warpfinch {

namespace {

class ReplayEvaluator : public Evaluator {
 public:
  ReplayEvaluator(const ConfigDatabase& database, std::string device) : device_(std::move(device)) {
    for (Evaluation& row : database.evaluations())
      if (row.device == device_) rows_[{row.problem, row.config}].answers.push_back(std::move(row));
  }

  std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) override {
    std::vector<Evaluation> evaluations;
    for (const Config& config : configs) evaluations.push_back(answer(to_text(problem), to_text(config)));
    return evaluations;
  }

  Machine machine() const override { return {.device = device_}; }

 private:
  struct Rows {
    std::vector<Evaluation> answers;  // oldest first
    size_t asked = 0;
  };

  // A config that was evaluated more than once answers in the order of then, and at the end stays with the
  // last.
  Evaluation answer(const std::string& problem, const std::string& config) {
    const auto found = rows_.find({problem, config});
    if (found == rows_.end()) return unknown(problem, config);
    Rows& rows = found->second;
    const size_t index = std::min(rows.asked++, rows.answers.size() - 1);
    return rows.answers[index];
  }

  Evaluation unknown(const std::string& problem, const std::string& config) const {
    Evaluation evaluation{machine()};
    evaluation.problem = problem;
    evaluation.config = config;
    evaluation.outcome = Rejection{"replay", "was never evaluated on " + device_};
    evaluation.time = utc_time();
    return evaluation;
  }

  std::string device_;
  std::map<std::pair<std::string, std::string>, Rows> rows_;
};

}  // namespace

std::unique_ptr<Evaluator> replay_evaluator(const ConfigDatabase& database, std::string device) {
  return std::make_unique<ReplayEvaluator>(database, std::move(device));
}

}  // namespace warpfinch
