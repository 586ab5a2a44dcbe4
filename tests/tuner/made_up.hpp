// Evaluations and evaluators that never saw a GPU: for tests of what the tuner does with them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "generator/config_space.hpp"
#include "generator/target.hpp"
#include "tuner/evaluation.hpp"

namespace warpfinch {

inline const Target& sm_90a() { return target_by_name("sm_90a"); }

inline Evaluation made_up(std::string problem, std::string config, Outcome outcome,
                          std::string device = "GPU A", std::string digest = "",
                          std::string time = "2026-01-01") {
  Evaluation evaluation{{.device = std::move(device), .driver = "13.0", .nvrtc = "13.0"}};
  evaluation.problem = std::move(problem);
  evaluation.config = std::move(config);
  evaluation.digest = std::move(digest);
  evaluation.outcome = std::move(outcome);
  evaluation.time = std::move(time);
  return evaluation;
}

inline Measurement measured(double median_us, double max_error = 0.5) {
  Measurement m;
  m.median_us = median_us;
  m.min_us = median_us * 0.99;
  m.max_us = median_us * 1.02;
  m.spread = 0.01;
  m.samples_us = {m.max_us, median_us, m.min_us};
  m.launches_per_sample = 7;
  m.max_error = max_error;
  return m;
}

// Answers with a function of the config, and remembers what it was asked.
class MadeUpEvaluator : public Evaluator {
 public:
  using Answer = std::function<Outcome(const Config&)>;
  explicit MadeUpEvaluator(Answer answer, std::string device = "GPU A", std::string nvrtc = "13.0")
      : answer_(std::move(answer)),
        machine_{.device = std::move(device), .driver = "13.0", .nvrtc = std::move(nvrtc)} {}

  std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) override {
    std::vector<Evaluation> evaluations;
    for (const Config& config : configs) {
      asked.push_back(to_text(config));
      evaluations.push_back(
          made_up(to_text(problem), asked.back(), answer_(config), machine_.device, "", utc_time()));
      evaluations.back().nvrtc = machine_.nvrtc;
    }
    return evaluations;
  }
  Machine machine() const override { return machine_; }

  std::vector<std::string> asked;

 private:
  Answer answer_;
  Machine machine_;
};

// A time that depends on every gene of a softmax or attention config, without ties, and a few failures.
inline Outcome landscape(const Config& config) {
  const std::string text = to_text(config);
  double us = 100;
  for (size_t i = 0; i < text.size(); ++i)
    us += static_cast<double>(text[i] % 13) * (1 + 0.01 * static_cast<double>(i));
  if (static_cast<int>(us) % 7 == 0) return Rejection{"correctness", "made up"};
  return measured(us);
}

}  // namespace warpfinch
