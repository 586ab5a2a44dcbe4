#include "tuner/config_columns.hpp"

#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <concepts>

#include "generator/config.hpp"
#include "generator/problem.hpp"
#include "generator/text.hpp"
#include "tuner/evaluation_json.hpp"

namespace warpfinch {

namespace {

// --- definitions -----------------------------------------------------------------------------------------
template <class Value>
constexpr std::string_view kType = "TEXT";
template <std::integral Value>
constexpr std::string_view kType<Value> = "BIGINT";
template <>
constexpr std::string_view kType<double> = "DOUBLE PRECISION";

// Defaults are words and numbers of ours: nothing in them needs quoting.
std::string literal(const std::string& value) { return fmt::format("'{}'", value); }
std::string literal(std::integral auto value) { return number_to_text(value); }

// Core fields of an evaluation are always given, and those of an outcome by the rows that have it; an
// optional one has a default, so that it can be added to tables with rows.
template <class Struct>
std::string definition(const auto& field, bool always) {
  using Value = std::remove_cvref_t<decltype(std::declval<Struct>().*field.member)>;
  std::string words(kType<Value>);
  if (always) words += " NOT NULL";
  if constexpr (std::integral<Value> || std::same_as<Value, std::string>)
    if (!field.core) words += " DEFAULT " + literal(Struct{}.*field.member);
  return words;
}

template <class Struct>
void add_columns(std::vector<Column>& columns, bool always) {
  for_each_field_of<Struct>([&](const auto& field) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(std::declval<Struct>().*field.member)>,
                               Outcome>) {
      columns.push_back({std::string(field.name), fmt::format("TEXT NOT NULL CHECK ({} IN ('{}'))",
                                                              field.name, fmt::join(kOutcomes, "', '"))});
      add_columns<Measurement>(columns, false);
      add_columns<Prediction>(columns, false);
      add_columns<Rejection>(columns, false);
    } else {
      columns.push_back({std::string(field.name), definition<Struct>(field, always)});
    }
  });
}

// --- rows in ---------------------------------------------------------------------------------------------
void bind(sqlite::Statement& statement, const std::string& value) { statement.bind(value); }
void bind(sqlite::Statement& statement, double value) { statement.bind(value); }
void bind(sqlite::Statement& statement, std::integral auto value) { statement.bind(int64_t{value}); }
void bind(sqlite::Statement& statement, const std::vector<double>& value) {
  statement.bind(to_line(Json(value)));
}

template <class Struct>
void bind_or_null(sqlite::Statement& statement, const Struct* value) {
  for_each_field_of<Struct>([&](const auto& field) {
    if (value)
      bind(statement, value->*field.member);
    else
      statement.bind_null();
  });
}

void bind(sqlite::Statement& statement, const Outcome& outcome) {
  statement.bind(kOutcomes[outcome.index()]);
  bind_or_null(statement, std::get_if<Measurement>(&outcome));
  bind_or_null(statement, std::get_if<Prediction>(&outcome));
  bind_or_null(statement, std::get_if<Rejection>(&outcome));
}

// --- rows out --------------------------------------------------------------------------------------------
// Reads columns one after another. A number that is NULL is infinite; else NULL leaves the default.
class Reader {
 public:
  Reader(const sqlite::Statement& row, int first) : row_(row), column_(first) {}

  template <class Struct>
  Struct read() {
    Struct value;
    for_each_field_of<Struct>([&](const auto& field) { read(value.*field.member); });
    return value;
  }

 private:
  void read(double& value) { value = row_.number(column_++); }
  void read(std::integral auto& value) {
    const int column = column_++;
    if (!row_.is_null(column))
      value = static_cast<std::remove_cvref_t<decltype(value)>>(row_.integer(column));
  }
  void read(std::string& value) {
    const int column = column_++;
    if (!row_.is_null(column)) value = row_.text(column);
  }
  void read(std::vector<double>& value) {
    const int column = column_++;
    if (row_.is_null(column)) return;
    try {
      for (const Json& number : json_from_text(row_.text(column)))
        if (number.is_number()) value.push_back(number.get<double>());
    } catch (const Error&) {
      value.clear();  // not written by us; the row's other numbers stand on their own
    }
  }
  // All columns of all outcomes are passed, whichever the row has.
  void read(Outcome& outcome) {
    std::string word;
    read(word);
    Measurement measurement = read<Measurement>();
    Prediction prediction = read<Prediction>();
    Rejection rejection = read<Rejection>();
    if (word == kOutcomes[0])
      outcome = std::move(measurement);
    else if (word == kOutcomes[1])
      outcome = prediction;
    else
      outcome = std::move(rejection);
  }

  const sqlite::Statement& row_;
  int column_;
};

}  // namespace

const std::vector<Column>& evaluation_columns() {
  static const std::vector<Column> columns = [] {
    std::vector<Column> made;
    add_columns<Evaluation>(made, true);
    return made;
  }();
  return columns;
}

std::string column_names(const std::string& prefix) {
  std::string names;
  for (const Column& column : evaluation_columns())
    names += (names.empty() ? "" : ", ") + prefix + column.name;
  return names;
}

std::string machine_column_names(const std::string& prefix) {
  std::string names;
  for_each_field<Machine>(
      [&](const auto& field) { names += (names.empty() ? "" : ", ") + prefix + std::string(field.name); });
  return names;
}

void bind_evaluation(sqlite::Statement& statement, const Evaluation& evaluation) {
  for_each_field_of<Evaluation>([&](const auto& field) { bind(statement, evaluation.*field.member); });
}

Evaluation read_evaluation(const sqlite::Statement& row) { return Reader(row, 0).read<Evaluation>(); }
Machine read_machine(const sqlite::Statement& row, int first) { return Reader(row, first).read<Machine>(); }

Evaluation in_present_words(Evaluation row) {
  try {
    row.config = to_text(parse_config(row.config, parse_problem(row.problem)));
  } catch (const Error& error) {
    if (error.kind != ErrorKind::input) throw;
  }
  return row;
}

std::string content_key(const Evaluation& evaluation) {
  const std::string line = to_line(to_json(evaluation));
  const XXH128_hash_t hash = XXH3_128bits(line.data(), line.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace warpfinch
