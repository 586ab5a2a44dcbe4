// Without a GPU: everything real but measurement, and correctness only where an emulator looks at it. The
// outcome is a Prediction, never a Measurement.
#include <spdlog/spdlog.h>

#include "generator/config_space.hpp"
#include "runtime/device.hpp"
#include "runtime/log.hpp"
#include "tuner/candidate.hpp"
#include "tuner/emulate.hpp"
#include "tuner/evaluators.hpp"

namespace warpfinch {

namespace {

class ModelEvaluator : public Evaluator {
 public:
  ModelEvaluator(const Target& target, int threads, const std::string& emulator, std::stop_token stop)
      : target_(target),
        threads_(threads),
        stop_(std::move(stop)),
        prepare_(preparing()),
        machine_{.device = emulator.empty() ? "model:" + target.name : Device::open(emulator)->info().name,
                 .driver = {},
                 .nvrtc = nvrtc_version(),
                 .target = target.name} {
    if (!emulator.empty()) prepare_ = with_emulation(std::move(prepare_), target_, emulator, stop_);
  }

  std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) override {
    std::vector<Evaluation> evaluations;
    evaluate_each(problem, configs, [&](const Evaluation& e) { return evaluations.push_back(e), true; }, {});
    return evaluations;
  }

  // A prediction costs less than asking what is known.
  void evaluate_each(const Problem& problem, const std::vector<Config>& configs, const Sink& sink,
                     const Known&) override {
    Preparation preparation(problem, configs, prepare_, threads_);
    for (size_t i = 0; i < configs.size(); ++i) {
      const std::optional<Candidate> candidate = preparation.get(i, stop_);
      if (!candidate) return;
      Evaluation evaluation = evaluation_of(machine_, problem, configs[i], *candidate);
      if (!std::holds_alternative<Rejection>(evaluation.outcome))
        evaluation.outcome = Prediction{predict_us(problem, configs[i], target_)};
      if (!sink(evaluation)) return;
    }
  }

  Machine machine() const override { return machine_; }

 private:
  Prepare preparing() {
    std::string why;
    if (!nvrtc_version(&why).empty())
      return [this](const Problem& p, const Config& c) {
        return prepare_candidate(p, c, target_, cache_, stop_);
      };
    logger()->warn("predicting without compiling: {}; spills and compiler errors stay unseen", why);
    return [this](const Problem& p, const Config& c) { return generate_candidate(p, c, target_); };
  }

  Target target_;
  int threads_;
  std::stop_token stop_;
  KernelCache cache_;
  Prepare prepare_;
  Machine machine_;
};

}  // namespace

std::unique_ptr<Evaluator> model_evaluator(const Target& target, int compile_threads,
                                           const std::string& emulator, std::stop_token stop) {
  return std::make_unique<ModelEvaluator>(target, compile_threads, emulator, std::move(stop));
}

}  // namespace warpfinch
