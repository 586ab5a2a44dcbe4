// Without a GPU: everything real but correctness and measurement. The outcome is a Prediction, never a
// Measurement.
#include <spdlog/spdlog.h>

#include "generator/config_space.hpp"
#include "runtime/log.hpp"
#include "tuner/candidate.hpp"
#include "tuner/evaluators.hpp"

namespace warpfinch {

namespace {

class ModelEvaluator : public Evaluator {
 public:
  ModelEvaluator(const Target& target, int threads) : target_(target), threads_(threads) {
    std::string why;
    compiles_ = !nvrtc_version(&why).empty();
    if (!compiles_)
      logger()->warn("predicting without compiling: {}; spills and compiler errors stay unseen", why);
  }

  std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) override {
    std::vector<Evaluation> evaluations;
    evaluate_each(problem, configs, [&](const Evaluation& e) { return evaluations.push_back(e), true; });
    return evaluations;
  }

  void evaluate_each(const Problem& problem, const std::vector<Config>& configs, const Sink& sink) override {
    const Prepare prepare = [this](const Problem& p, const Config& c) {
      return compiles_ ? prepare_candidate(p, c, target_, cache_) : generate_candidate(p, c, target_);
    };
    Preparation preparation(problem, configs, prepare, threads_);
    for (size_t i = 0; i < configs.size(); ++i) {
      Evaluation evaluation = evaluation_of(problem, configs[i], preparation.get(i));
      evaluation.device = device();
      if (!std::holds_alternative<Rejection>(evaluation.outcome))
        evaluation.outcome = Prediction{predict_us(problem, configs[i], target_)};
      if (!sink(evaluation)) return;
    }
  }

  std::string device() const override { return "model:" + target_.name; }

 private:
  Target target_;
  int threads_;
  bool compiles_ = false;
  KernelCache cache_;
};

}  // namespace

std::unique_ptr<Evaluator> model_evaluator(const Target& target, int compile_threads) {
  return std::make_unique<ModelEvaluator>(target, compile_threads);
}

}  // namespace warpfinch
