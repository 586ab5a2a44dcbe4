// One config tried: what came of it. And the tuner's only interface to the world.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "generator/config.hpp"
#include "generator/result.hpp"
#include "runtime/measurement.hpp"

namespace warpfinch {

// A time by the static model: never compared with a Measurement, never best in the database.
struct Prediction {
  double us = 0;
  bool operator==(const Prediction&) const = default;
};

struct Evaluation {
  std::string problem;  // canonical text
  std::string config;   // canonical text
  std::string digest;   // source_digest(plan); empty when none was generated
  std::variant<Measurement, Prediction, Rejection> outcome;
  std::string device;   // DeviceInfo::name, or "model:sm_90a"
  std::string driver;   // empty where none was asked
  std::string nvrtc;    // that compiled it; empty when nothing was compiled
  std::string time;     // UTC, ISO 8601
  bool operator==(const Evaluation&) const = default;
};

// What the evolution minimises: median of a right measurement or the predicted time; infinity for the rest. A
// measurement whose error is above the bound, or whose time is no positive number, is one of the rest.
double cost_us(const Evaluation& evaluation);
// Now, "2026-01-31T12:00:00.123Z".
std::string utc_time();

class Evaluator {
 public:
  // Takes one evaluation; false: no more are wanted.
  using Sink = std::function<bool(const Evaluation&)>;

  virtual ~Evaluator() = default;
  // Evaluates configs of one problem, in order; one Evaluation each. Never throws for a bad candidate: a
  // crash, a hang or a wrong result is a Rejection ("crash", "time limit", "correctness").
  virtual std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) = 0;
  // The same, but hands over each evaluation as soon as it is known, so that none is lost when the process
  // ends.
  virtual void evaluate_each(const Problem& problem, const std::vector<Config>& configs, const Sink& sink) {
    for (const Config& config : configs)
      if (!sink(evaluate(problem, {config}).at(0))) return;
  }
  // What the evaluations will say of themselves.
  virtual std::string device() const = 0;
};

}  // namespace warpfinch
