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

inline Evaluation made_up(std::string problem, std::string config,
                          std::variant<Measurement, Prediction, Rejection> outcome,
                          std::string device = "GPU A", std::string digest = "d",
                          std::string time = "2026-01-01") {
  return {std::move(problem), std::move(config), std::move(digest), std::move(outcome),
          std::move(device), "13.0", "13.0", std::move(time)};
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
  using Answer = std::function<std::variant<Measurement, Prediction, Rejection>(const Config&)>;
  explicit MadeUpEvaluator(Answer answer, std::string device = "GPU A")
      : answer_(std::move(answer)), device_(std::move(device)) {}

  std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) override {
    std::vector<Evaluation> evaluations;
    for (const Config& config : configs) {
      asked.push_back(to_text(config));
      evaluations.push_back(
          made_up(to_text(problem), asked.back(), answer_(config), device_, "", utc_time()));
    }
    return evaluations;
  }
  std::string device() const override { return device_; }

  std::vector<std::string> asked;

 private:
  Answer answer_;
  std::string device_;
};

// A time that depends on every gene of a softmax or attention config, without ties, and a few failures.
inline std::variant<Measurement, Prediction, Rejection> landscape(const Config& config) {
  const std::string text = to_text(config);
  double us = 100;
  for (size_t i = 0; i < text.size(); ++i)
    us += static_cast<double>(text[i] % 13) * (1 + 0.01 * static_cast<double>(i));
  if (static_cast<int>(us) % 7 == 0) return Rejection{"correctness", "made up"};
  return measured(us);
}

}  // namespace warpfinch
