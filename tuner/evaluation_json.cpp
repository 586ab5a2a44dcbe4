// Evaluations as JSON, both ways.
#include "tuner/evaluation_json.hpp"

#include <cmath>
#include <limits>

namespace warpfinch {

namespace {

template <class Value>
Value get(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) fail_input(fmt::format("'{}' is missing", key));
  try {
    return found->get<Value>();
  } catch (const nlohmann::json::exception&) {
    fail_input(fmt::format("'{}' is of the wrong kind: {}", key, excerpt(to_line(*found))));
  }
}

double get_number(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found != json.end() && found->is_null()) return std::numeric_limits<double>::infinity();
  if (found != json.end() && !found->is_number())
    fail_input(fmt::format("'{}' is no number: {}", key, excerpt(to_line(*found))));
  return get<double>(json, key);
}

void append_outcome(Json& json, const Evaluation& evaluation) {
  if (const auto* measured = std::get_if<Measurement>(&evaluation.outcome)) {
    json["outcome"] = "measured";
    json.update(to_json(*measured));
  } else if (const auto* predicted = std::get_if<Prediction>(&evaluation.outcome)) {
    json["outcome"] = "predicted";
    json["predicted_us"] = predicted->us;
  } else {
    const auto& rejection = std::get<Rejection>(evaluation.outcome);
    json["outcome"] = "rejected";
    json["stage"] = rejection.stage;
    json["reason"] = rejection.reason;
  }
}

}  // namespace

Json to_json(const Measurement& m) {
  Json json;
  json["median_us"] = m.median_us;
  json["min_us"] = m.min_us;
  json["max_us"] = m.max_us;
  json["spread"] = m.spread;
  json["samples_us"] = m.samples_us;
  json["launches_per_sample"] = m.launches_per_sample;
  json["l2"] = m.l2;
  json["max_error"] = m.max_error;
  return json;
}

Measurement measurement_from_json(const Json& json) {
  Measurement m;
  m.median_us = get_number(json, "median_us");
  m.min_us = get_number(json, "min_us");
  m.max_us = get_number(json, "max_us");
  m.spread = get_number(json, "spread");
  m.samples_us = get<std::vector<double>>(json, "samples_us");
  m.launches_per_sample = get<int>(json, "launches_per_sample");
  m.l2 = get<std::string>(json, "l2");
  m.max_error = get_number(json, "max_error");
  return m;
}

Json to_json(const Evaluation& evaluation) {
  Json json;
  json["problem"] = evaluation.problem;
  json["config"] = evaluation.config;
  json["digest"] = evaluation.digest;
  append_outcome(json, evaluation);
  json["device"] = evaluation.device;
  json["driver"] = evaluation.driver;
  json["nvrtc"] = evaluation.nvrtc;
  json["time"] = evaluation.time;
  return json;
}

Evaluation evaluation_from_json(const Json& json) {
  Evaluation e;
  e.problem = get<std::string>(json, "problem");
  e.config = get<std::string>(json, "config");
  e.digest = get<std::string>(json, "digest");
  const auto outcome = get<std::string>(json, "outcome");
  if (outcome == "measured")
    e.outcome = measurement_from_json(json);
  else if (outcome == "predicted")
    e.outcome = Prediction{get_number(json, "predicted_us")};
  else if (outcome == "rejected")
    e.outcome = Rejection{get<std::string>(json, "stage"), get<std::string>(json, "reason")};
  else
    fail_input(fmt::format("'outcome' is {}, not one of measured, predicted, rejected", quote(outcome)));
  e.device = get<std::string>(json, "device");
  e.driver = get<std::string>(json, "driver");
  e.nvrtc = get<std::string>(json, "nvrtc");
  e.time = get<std::string>(json, "time");
  if (e.problem.empty() || e.config.empty()) fail_input("'problem' and 'config' must not be empty");
  return e;
}

std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json object_from_line(std::string_view line) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const nlohmann::json::exception& error) {
    // nlohmann's text starts with its own error number in brackets, which helps nobody.
    const std::string text = error.what();
    const size_t bracket = text.find("] ");
    fail_input("not JSON: " + (bracket == std::string::npos ? text : text.substr(bracket + 2)));
  }
  if (!json.is_object()) fail_input("not a JSON object");
  return json;
}

}  // namespace warpfinch
