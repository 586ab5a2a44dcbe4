// Asks a worker process, one candidate at a time, and believes nothing that it does not prove.
#include "tuner/worker_evaluator.hpp"

#include <spdlog/spdlog.h>

#include <cmath>
#include <limits>
#include <optional>

#include "runtime/log.hpp"
#include "tuner/child_process.hpp"
#include "tuner/evaluation_json.hpp"

namespace warpfinch {

namespace {

constexpr int kMostLines = 100;  // of one answer; ours has seven

// What one request has come to so far.
struct Request {
  int id;
  std::string cubin;  // until the worker says otherwise, what was prepared here
  std::string step = "start";
  double max_error = std::numeric_limits<double>::infinity();  // until the worker has proved better
};

class WorkerEvaluator : public Evaluator {
 public:
  explicit WorkerEvaluator(WorkerEvaluatorOptions options) : options_(std::move(options)) {}

  std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) override {
    std::vector<Evaluation> evaluations;
    evaluate_each(problem, configs, [&](const Evaluation& e) { return evaluations.push_back(e), true; }, {});
    return evaluations;
  }

  // Later candidates compile while the worker measures earlier ones.
  void evaluate_each(const Problem& problem, const std::vector<Config>& configs, const Sink& sink,
                     const Known& known) override {
    Preparation preparation(problem, configs, options_.prepare, options_.compile_threads);
    for (size_t i = 0; i < configs.size(); ++i) {
      const std::optional<Candidate> candidate = preparation.get(i, options_.stop);
      if (!candidate) return;
      Evaluation evaluation = evaluation_of(options_.machine, problem, configs[i], *candidate);
      if (!std::holds_alternative<Rejection>(evaluation.outcome) && !find_out(evaluation, known)) return;
      if (!sink(evaluation)) return;
    }
  }

  Machine machine() const override { return options_.machine; }

 private:
  // What this cubin gave before is what it gives, and of the same time. False after a stop.
  bool find_out(Evaluation& evaluation, const Known& known) {
    if (const auto before = known ? known(evaluation) : std::nullopt) {
      evaluation.outcome = before->outcome;
      evaluation.time = before->time;
      return true;
    }
    std::optional<Outcome> outcome = ask(evaluation);
    if (!outcome) return false;
    evaluation.outcome = *std::move(outcome);
    evaluation.time = utc_time();
    return true;
  }

  // None after a stop, like what follows. The worker says which cubin it loaded.
  std::optional<Outcome> ask(Evaluation& evaluation) {
    Request request{++last_id_, evaluation.cubin};
    const std::string line =
        to_line(Json{{"id", request.id}, {"problem", evaluation.problem}, {"config", evaluation.config}});
    // A worker that died before it began the request is not this candidate's fault: another one gets it.
    for (int tries = 0;; ++tries) {
      if ((!child_ || child_->ended()) && !start()) return std::nullopt;
      auto outcome = child_->send(line) ? listen(request) : give_up("crash", "it takes no requests");
      evaluation.cubin = request.cubin;
      if (!outcome || child_ || request.step != "start" || tries == 1) return outcome;
    }
  }

  // False after a stop.
  bool start() {
    child_.reset();
    child_ = std::make_unique<ChildProcess>(options_.command);
    const auto answer = child_->receive(options_.start_limit_s, options_.stop);
    if (answer.kind == ChildProcess::Answer::Kind::stopped) return child_.reset(), false;
    std::string why = child_->how_it_ended();
    if (answer.kind == ChildProcess::Answer::Kind::time_limit)
      why = fmt::format("not ready after {} s", options_.start_limit_s);
    if (answer.kind == ChildProcess::Answer::Kind::line) {
      if (is_ready(answer.line)) return true;
      why = "its first line is " + answer.line.substr(0, 200);
    }
    child_.reset();
    fail_environment(fmt::format("the worker {} did not start: {}", options_.command[0], why));
  }

  static bool is_ready(const std::string& line) {
    Json json;
    try {
      json = object_from_line(line);
    } catch (const Error&) {
      return false;
    }
    if (json.contains("error")) fail_environment("worker: " + text_of(json["error"]));
    return json.value("ready", Json()) == true;
  }

  static std::string text_of(const Json& json) {
    return json.is_string() ? json.get<std::string>() : to_line(json);
  }

  bool on_gpu(const std::string& step) const { return step == "run" || step == "measure"; }

  std::optional<Outcome> listen(Request& request) {
    using Kind = ChildProcess::Answer::Kind;
    for (int lines = 0; lines < kMostLines; ++lines) {
      const double limit = on_gpu(request.step) ? options_.time_limit_s : options_.host_limit_s;
      const auto answer = child_->receive(limit, options_.stop);
      if (answer.kind == Kind::stopped) return child_.reset(), std::nullopt;
      if (answer.kind == Kind::time_limit)
        return give_up("time limit", fmt::format("no answer within {} s in step '{}'", limit, request.step));
      if (answer.kind == Kind::ended)
        return give_up("crash", fmt::format("in step '{}': {}", request.step, child_->how_it_ended()));
      try {
        if (auto outcome = understand(request, object_from_line(answer.line))) return outcome;
      } catch (const Error& error) {
        if (error.kind == ErrorKind::environment) throw;
        return give_up("protocol", fmt::format("{}: {}", error.what(), answer.line.substr(0, 200)));
      }
    }
    return give_up("protocol", fmt::format("{} lines without an end", kMostLines));
  }

  // A worker that hangs, has crashed or lies is of no more use: the next candidate gets a new one.
  std::optional<Outcome> give_up(const std::string& stage, const std::string& reason) {
    child_.reset();
    logger()->warn("worker restarted: {}: {}", stage, reason);
    return Rejection{stage, reason};
  }

  // An outcome when the line was the last one; Error (input) when it makes no sense.
  std::optional<Outcome> understand(Request& request, const Json& json) {
    if (json.contains("error")) {
      child_.reset();
      fail_environment("worker: " + text_of(json["error"]));
    }
    if (json.value("id", Json()) != request.id) fail_input("the answer to another request");
    if (json.contains("cubin")) return request.cubin = text_of(json["cubin"]), std::nullopt;
    if (json.contains("step")) return request.step = text_of(json["step"]), std::nullopt;
    if (json.contains("accuracy")) return request.max_error = error_of(json["accuracy"]), std::nullopt;
    if (json.contains("rejection")) {
      if (json.value("ending", Json()) == true) child_.reset();
      return rejection_of(json["rejection"]);
    }
    if (json.contains("measurement")) return measured(request, json["measurement"]);
    fail_input("an answer of no known kind");
  }

  static double error_of(const Json& accuracy) {
    const Json error = accuracy.is_object() ? accuracy.value("max_error", Json()) : Json();
    const bool sensible = error.is_number() && error.get<double>() >= 0;
    return sensible ? error.get<double>() : std::numeric_limits<double>::infinity();
  }

  static Outcome rejection_of(const Json& json) {
    if (!json.is_object()) fail_input("a rejection without stage and reason");
    const std::string stage = text_of(json.value("stage", Json())),
                      reason = text_of(json.value("reason", Json()));
    return Rejection{stage, reason};
  }

  // Right only when the accuracy came first and is within the bound, whatever the measurement says of itself.
  static Outcome measured(const Request& request, const Json& json) {
    if (!json.is_object()) fail_input("a measurement without numbers");
    Measurement measurement = measurement_from_json(json);
    measurement.max_error = request.max_error;
    if (!(measurement.max_error <= 1))
      return Rejection{"correctness", fmt::format("error {} times the bound", measurement.max_error)};
    if (!(measurement.median_us > 0) || !std::isfinite(measurement.median_us) ||
        measurement.samples_us.empty())
      fail_input(fmt::format("a time of {} us from {} samples", measurement.median_us,
                             measurement.samples_us.size()));
    return measurement;
  }

  WorkerEvaluatorOptions options_;
  std::unique_ptr<ChildProcess> child_;
  int last_id_ = 0;
};

}  // namespace

std::unique_ptr<Evaluator> worker_evaluator(WorkerEvaluatorOptions options) {
  return std::make_unique<WorkerEvaluator>(std::move(options));
}

}  // namespace warpfinch
