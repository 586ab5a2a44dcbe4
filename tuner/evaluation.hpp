// One config tried: what came of it. And the tuner's only interface to the world.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "generator/config.hpp"
#include "generator/result.hpp"
#include "runtime/measurement.hpp"
#include "tuner/machine.hpp"

namespace warpfinch {

// A time by the static model: never compared with a Measurement, never best in the database.
struct Prediction {
  double us = 0;
  bool operator==(const Prediction&) const = default;
  static constexpr auto fields() { return std::tuple{core("predicted_us", &Prediction::us)}; }
};

using Outcome = std::variant<Measurement, Prediction, Rejection>;
// Their names in rows, in the order of the variant.
inline constexpr std::array<std::string_view, 3> kOutcomes{"measured", "predicted", "rejected"};

// The generator's own kernels; other makers are "program" (a user's) and the names of libraries.
inline constexpr std::string_view kGenerator = "generator";

// The keys of a row's JSON and the columns of the database follow from fields(). What was added after schema
// 1 is optional: an older row is the same row, with the same JSON.
struct Evaluation : Machine {
  std::string problem = {};  // canonical text
  std::string config = {};   // canonical text
  std::string digest = {};   // source_digest(plan); empty when none was generated
  Outcome outcome = {};
  std::string time = {};             // UTC, ISO 8601
  std::string sizes = {};            // "q_len=77": where the problem's text leaves them open
  std::string cubin = {};            // cubin_digest(plan, kernels); empty when nothing was compiled
  std::string provider{kGenerator};  // who made the kernel
  std::string provider_version = {};
  bool operator==(const Evaluation&) const = default;
  static constexpr auto fields() {
    using E = Evaluation;
    return std::tuple_cat(
        std::tuple{core("problem", &E::problem), core("config", &E::config), core("digest", &E::digest),
                   core("outcome", &E::outcome)},
        Machine::fields(),
        std::tuple{core("time", &E::time), optional("sizes", &E::sizes), optional("cubin", &E::cubin),
                   optional("provider", &E::provider), optional("provider_version", &E::provider_version)});
  }
};

// The fields of what an evaluation consists of. A Rejection lies below the field lists, so its own stands
// here.
template <class Struct>
constexpr auto fields_of() {
  return Struct::fields();
}
template <>
constexpr auto fields_of<Rejection>() {
  return std::tuple{core("stage", &Rejection::stage), core("reason", &Rejection::reason)};
}
template <class Struct, class Visitor>
void for_each_field_of(Visitor&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, fields_of<Struct>());
}

// What the evolution minimises: median of a right measurement or the predicted time; infinity for the rest. A
// measurement whose error is above the bound, or whose time is no positive number, is one of the rest.
double cost_us(const Evaluation& evaluation);
// Now, "2026-01-31T12:00:00.123Z".
std::string utc_time();

class Evaluator {
 public:
  // Takes one evaluation; false: no more are wanted.
  using Sink = std::function<bool(const Evaluation&)>;
  // What came of this very cubin before, if anything; asked once it is compiled and before it is run.
  using Known = std::function<std::optional<Evaluation>(const Evaluation&)>;

  virtual ~Evaluator() = default;
  // Evaluates configs of one problem, in order; one Evaluation each. Never throws for a bad candidate: a
  // crash, a hang or a wrong result is a Rejection ("crash", "time limit", "correctness").
  virtual std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) = 0;
  // The same, but hands over each evaluation as soon as it is known, so that none is lost when the process
  // ends. What `known` (may be empty) has an outcome for need not be run.
  virtual void evaluate_each(const Problem& problem, const std::vector<Config>& configs, const Sink& sink,
                             const Known&) {
    for (const Config& config : configs)
      if (!sink(evaluate(problem, {config}).at(0))) return;
  }
  // What the evaluations will say of themselves; nvrtc is the one that will compile them.
  virtual Machine machine() const = 0;
  std::string device() const { return machine().device; }
};

}  // namespace warpfinch
