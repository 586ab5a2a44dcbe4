// Evaluations as JSON, both ways. The keys follow from the lists of fields.
#include "tuner/evaluation_json.hpp"

#include <algorithm>
#include <concepts>
#include <limits>
#include <utility>

#include "generator/quote.hpp"

namespace warpfinch {

namespace {

constexpr size_t kMostBytes = size_t{16} << 20;
constexpr int kMostLevels = 16;  // a row has two

template <class Struct>
void append_fields(Json& json, const Struct& value);

template <class Value>
void append(Json& json, std::string_view name, const Value& value) {
  json[std::string(name)] = value;
}
void append(Json& json, std::string_view name, const Outcome& outcome) {
  append(json, name, kOutcomes[outcome.index()]);
  std::visit([&](const auto& value) { append_fields(json, value); }, outcome);
}

template <class Struct>
void append_fields(Json& json, const Struct& value) {
  const Struct defaults{};
  for_each_field_of<Struct>([&](const auto& field) {
    if (field.core || value.*field.member != defaults.*field.member)
      append(json, field.name, value.*field.member);
  });
}

template <class Struct>
Struct read_fields(const Json& json);

[[noreturn]] void fail_kind(std::string_view name, const Json& found) {
  fail_input(fmt::format("'{}' is of the wrong kind: {}", name, excerpt(to_line(found))));
}

// Each reads what was `found` under a name; only an outcome lies in further keys of the object.
template <class Value>
void read(const Json&, const Json& found, std::string_view name, Value& value) {
  try {
    value = found.get<Value>();
  } catch (const nlohmann::json::exception&) {
    fail_kind(name, found);
  }
}
template <std::integral Value>
void read(const Json&, const Json& found, std::string_view name, Value& value) {
  const bool fits = found.is_number_unsigned()
                        ? std::in_range<Value>(found.get<uint64_t>())
                        : found.is_number_integer() && std::in_range<Value>(found.get<int64_t>());
  if (!fits) fail_kind(name, found);
  value = found.get<Value>();
}
void read(const Json&, const Json& found, std::string_view name, double& value) {
  if (!found.is_null() && !found.is_number())
    fail_input(fmt::format("'{}' is no number: {}", name, excerpt(to_line(found))));
  value = found.is_null() ? std::numeric_limits<double>::infinity() : found.get<double>();
}
void read(const Json& json, const Json& found, std::string_view name, Outcome& outcome) {
  std::string word;
  read(json, found, name, word);
  if (word == kOutcomes[0])
    outcome = read_fields<Measurement>(json);
  else if (word == kOutcomes[1])
    outcome = read_fields<Prediction>(json);
  else if (word == kOutcomes[2])
    outcome = read_fields<Rejection>(json);
  else
    fail_input(fmt::format("'{}' is {}, not one of {}", name, quote(word), fmt::join(kOutcomes, ", ")));
}

template <class Struct>
Struct read_fields(const Json& json) {
  Struct value;
  for_each_field_of<Struct>([&](const auto& field) {
    const auto found = json.find(std::string(field.name));
    if (found != json.end()) return read(json, *found, field.name, value.*field.member);
    if (field.core) fail_input(fmt::format("'{}' is missing", field.name));
  });
  return value;
}

// nlohmann's text starts with its own error number in brackets, which helps nobody, and may quote all it
// read.
std::string words_of(const nlohmann::json::exception& error) {
  std::string text = error.what();
  if (const size_t bracket = text.find("] "); bracket != std::string::npos) text.erase(0, bracket + 2);
  const size_t quoted = std::min(text.find("last read: "), text.size());
  return text.substr(0, quoted) + excerpt(text.substr(quoted));
}

}  // namespace

Json to_json(const Measurement& measurement) {
  Json json;
  append_fields(json, measurement);
  return json;
}

Measurement measurement_from_json(const Json& json) { return read_fields<Measurement>(json); }

Json to_json(const Evaluation& evaluation) {
  Json json;
  append_fields(json, evaluation);
  return json;
}

Evaluation evaluation_from_json(const Json& json) {
  Evaluation evaluation = read_fields<Evaluation>(json);
  if (evaluation.problem.empty() || evaluation.config.empty())
    fail_input("'problem' and 'config' must not be empty");
  return evaluation;
}

std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json json_from_text(std::string_view text) {
  if (text.size() > kMostBytes)
    fail_input(fmt::format("{} bytes of JSON in one piece, at most {} are read", text.size(), kMostBytes));
  const auto shallow = [](int depth, Json::parse_event_t, const Json&) {
    if (depth > kMostLevels) fail_input(fmt::format("JSON nested deeper than {} levels", kMostLevels));
    return true;
  };
  try {
    return Json::parse(text, shallow);
  } catch (const nlohmann::json::exception& error) {
    fail_input("not JSON: " + words_of(error));
  }
}

Json object_from_line(std::string_view line) {
  Json json = json_from_text(line);
  if (!json.is_object()) fail_input("not a JSON object");
  return json;
}

}  // namespace warpfinch
