// Rows in and out of the config database. Which one is best: config_lookup.cpp.
#include "tuner/config_database.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <cassert>
#include <sstream>

#include "runtime/user_folder.hpp"
#include "tuner/config_connection.hpp"
#include "tuner/evaluation_json.hpp"

namespace warpfinch {

namespace {

constexpr std::string_view kColumns =
    "problem, config, digest, outcome, median_us, min_us, max_us, spread, samples_us, "
    "launches_per_sample, l2, "
    "max_error, predicted_us, stage, reason, device, driver, nvrtc, time";

std::string content_key(const Evaluation& evaluation) {
  const std::string line = to_line(to_json(evaluation));
  const XXH128_hash_t hash = XXH3_128bits(line.data(), line.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

void bind_nulls(sqlite::Statement& statement, int count) {
  for (int i = 0; i < count; ++i) statement.bind_null();
}

// The columns from median_us to reason.
void bind_outcome(sqlite::Statement& statement, const Evaluation& evaluation) {
  if (const auto* m = std::get_if<Measurement>(&evaluation.outcome)) {
    statement.bind("measured").bind(m->median_us).bind(m->min_us).bind(m->max_us).bind(m->spread);
    statement.bind(to_line(Json(m->samples_us)))
        .bind(static_cast<double>(m->launches_per_sample))
        .bind(m->l2);
    statement.bind(m->max_error);
    bind_nulls(statement, 3);
  } else if (const auto* prediction = std::get_if<Prediction>(&evaluation.outcome)) {
    statement.bind("predicted");
    bind_nulls(statement, 8);
    statement.bind(prediction->us);
    bind_nulls(statement, 2);
  } else {
    const auto& rejection = std::get<Rejection>(evaluation.outcome);
    statement.bind("rejected");
    bind_nulls(statement, 9);
    statement.bind(rejection.stage).bind(rejection.reason);
  }
}

void insert(sqlite::Statement& statement, const Evaluation& evaluation) {
  statement.bind(evaluation.problem).bind(evaluation.config).bind(evaluation.digest);
  bind_outcome(statement, evaluation);
  statement.bind(evaluation.device).bind(evaluation.driver).bind(evaluation.nvrtc).bind(evaluation.time);
  statement.bind(content_key(evaluation)).run();
  statement.reset();
}

// Adds the rows in one transaction; those that are there already stay once.
void insert(sqlite::Database& database, const std::vector<Evaluation>& evaluations) {
  sqlite::Transaction transaction(database);
  sqlite::Statement statement(
      database,
      fmt::format("INSERT INTO evaluations ({}, content) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
                  "ON CONFLICT (content) DO NOTHING",
                  kColumns));
  for (const Evaluation& evaluation : evaluations) insert(statement, evaluation);
  transaction.commit();
}

Measurement measurement(const sqlite::Statement& row) {
  Measurement m;
  m.median_us = row.number(4);
  m.min_us = row.number(5);
  m.max_us = row.number(6);
  m.spread = row.number(7);
  m.launches_per_sample = static_cast<int>(row.integer(9));
  m.l2 = row.text(10);
  m.max_error = row.number(11);
  const Json samples = Json::parse(row.text(8), nullptr, false);
  if (samples.is_array())
    for (const Json& sample : samples)
      if (sample.is_number()) m.samples_us.push_back(sample.get<double>());
  return m;
}

Evaluation evaluation(const sqlite::Statement& row) {
  Evaluation e{.problem = row.text(0),
               .config = row.text(1),
               .digest = row.text(2),
               .outcome = Prediction{},
               .device = row.text(15),
               .driver = row.text(16),
               .nvrtc = row.text(17),
               .time = row.text(18)};
  const std::string outcome = row.text(3);
  if (outcome == "measured")
    e.outcome = measurement(row);
  else if (outcome == "predicted")
    e.outcome = Prediction{row.number(12)};
  else
    e.outcome = Rejection{row.text(13), row.text(14)};
  return e;
}

std::vector<Evaluation> all(sqlite::Statement& statement) {
  std::vector<Evaluation> found;
  while (statement.step()) found.push_back(evaluation(statement));
  return found;
}

bool was_wrong(const Evaluation& e) {
  if (const auto* rejection = std::get_if<Rejection>(&e.outcome)) return rejection->stage == "correctness";
  const auto* measured = std::get_if<Measurement>(&e.outcome);
  return measured && !(measured->max_error <= 1);
}

std::vector<Evaluation> read_lines(const std::string& text) {
  std::vector<Evaluation> rows;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      rows.push_back(evaluation_from_json(object_from_line(line)));
    } catch (const Error& error) {
      fail_input(fmt::format("line {}: {}", number, error.what()));
    }
  }
  return rows;
}

}  // namespace

std::filesystem::path ConfigDatabase::default_file() {
  const std::filesystem::path folder = user_folder("XDG_DATA_HOME", ".local/share");
  return folder.empty() ? folder : folder / "warpfinch/configs.db";
}

ConfigDatabase::ConfigDatabase(const std::filesystem::path& file, bool read_only)
    : connection_(std::make_unique<Connection>(open_config_file(file, read_only))) {}
ConfigDatabase::ConfigDatabase(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
ConfigDatabase ConfigDatabase::in_memory() {
  return ConfigDatabase(std::make_unique<Connection>(open_in_memory()));
}
ConfigDatabase::~ConfigDatabase() = default;
ConfigDatabase::ConfigDatabase(ConfigDatabase&&) noexcept = default;
ConfigDatabase& ConfigDatabase::operator=(ConfigDatabase&&) noexcept = default;

void ConfigDatabase::record(const Evaluation& evaluation) { record(std::vector{evaluation}); }

void ConfigDatabase::record(const std::vector<Evaluation>& evaluations) {
  const std::lock_guard lock(connection_->mutex);
  insert(*connection_->database, evaluations);
}

std::vector<Evaluation> ConfigDatabase::evaluations(const std::string& problem) const {
  const std::lock_guard lock(connection_->mutex);
  sqlite::Statement statement(
      *connection_->database,
      fmt::format("SELECT {} FROM evaluations WHERE ?1 = '' OR problem = ?1 ORDER BY id", kColumns));
  return all(statement.bind(problem));
}

std::optional<Evaluation> ConfigDatabase::find(const std::string& problem, const std::string& device,
                                               const std::string& digest) const {
  const std::lock_guard lock(connection_->mutex);
  sqlite::Statement statement(
      *connection_->database,
      fmt::format(
          "SELECT {} FROM evaluations WHERE problem = ? AND device = ? AND digest = ? ORDER BY time, id",
          kColumns));
  std::optional<Evaluation> found;
  for (Evaluation& row : all(statement.bind(problem).bind(device).bind(digest))) {
    if (was_wrong(row)) return row;
    const bool rejected = std::holds_alternative<Rejection>(row.outcome);
    if (!found || !rejected || std::holds_alternative<Rejection>(found->outcome)) found = std::move(row);
  }
  return found;
}

std::string ConfigDatabase::export_json(const std::string& problem) const {
  std::string text;
  for (const Evaluation& row : evaluations(problem)) text += to_line(to_json(row)) + "\n";
  return text;
}

std::string ConfigDatabase::export_best(const std::string& problem) const {
  std::string text;
  for (const Best& best : list()) {
    if (best.predicted || (!problem.empty() && best.problem != problem)) continue;
    std::optional<Evaluation> latest;
    for (Evaluation& row : evaluations(best.problem))
      if (row.config == best.config && row.device == best.device && cost_us(row) == best.median_us)
        latest = std::move(row);
    assert(latest);
    text += to_line(to_json(*latest)) + "\n";
  }
  return text;
}

int ConfigDatabase::import_json(const std::string& text) {
  const std::vector<Evaluation> rows = read_lines(text);
  const std::lock_guard lock(connection_->mutex);
  const int before = sqlite3_total_changes(connection_->database->handle());
  insert(*connection_->database, rows);
  return sqlite3_total_changes(connection_->database->handle()) - before;
}

bool ConfigDatabase::finished(const Task& task) const {
  const std::lock_guard lock(connection_->mutex);
  sqlite::Statement statement(
      *connection_->database,
      "SELECT 1 FROM daemon_progress WHERE list = ? AND problem = ? AND device = ? AND budget = ?");
  return statement.bind(task.list).bind(task.problem).bind(task.device).bind(task.budget).step();
}

void ConfigDatabase::set_finished(const Task& task) {
  const std::lock_guard lock(connection_->mutex);
  sqlite::Statement statement(*connection_->database,
                              "INSERT OR REPLACE INTO daemon_progress VALUES (?, ?, ?, ?, ?)");
  statement.bind(task.list).bind(task.problem).bind(task.device).bind(task.budget).bind(utc_time()).run();
}

}  // namespace warpfinch
