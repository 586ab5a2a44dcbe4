// Rows in and out of the config database. Which one is best: config_lookup.cpp.
#include "tuner/config_database.hpp"

#include <fmt/format.h>

#include <cassert>
#include <sstream>

#include "runtime/user_folder.hpp"
#include "tuner/config_columns.hpp"
#include "tuner/config_connection.hpp"
#include "tuner/evaluation_json.hpp"

namespace warpfinch {

namespace {

// Adds the rows in one transaction; those that are there already stay once.
void insert(sqlite::Database& database, const std::vector<Evaluation>& evaluations) {
  std::string marks;
  for (size_t i = 0; i < evaluation_columns().size(); ++i) marks += "?, ";
  sqlite::Transaction transaction(database);
  sqlite::Statement statement(
      database,
      fmt::format("INSERT INTO evaluations ({}, content) VALUES ({}?) ON CONFLICT (content) DO NOTHING",
                  column_names(), marks));
  for (const Evaluation& evaluation : evaluations) {
    bind_evaluation(statement, evaluation);
    statement.bind(content_key(evaluation)).run();
    statement.reset();
  }
  transaction.commit();
}

std::vector<Evaluation> read_lines(const std::string& text) {
  std::vector<Evaluation> rows;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      rows.push_back(in_present_words(evaluation_from_json(object_from_line(line))));
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
      fmt::format("SELECT {} FROM evaluations WHERE ?1 = '' OR problem = ?1 ORDER BY id", column_names()));
  statement.bind(problem);
  std::vector<Evaluation> found;
  while (statement.step()) found.push_back(read_evaluation(statement));
  return found;
}

// The few rows of the same text or cubin first: a problem may have many.
std::optional<Evaluation> ConfigDatabase::find(const Evaluation& like) const {
  const std::lock_guard lock(connection_->mutex);
  sqlite::Statement statement(
      *connection_->database,
      fmt::format("SELECT {} FROM (SELECT id FROM evaluations WHERE digest = ? AND digest <> '' AND nvrtc = ?"
                  "  UNION SELECT id FROM evaluations WHERE cubin = ? AND cubin <> '') AS same"
                  " CROSS JOIN evaluations e WHERE e.id = same.id AND e.problem = ? AND e.sizes = ?"
                  " AND e.device = ? AND e.target = ? AND e.driver = ?"
                  " ORDER BY e.wrong DESC, e.outcome = 'rejected', e.time DESC, e.content DESC LIMIT 1",
                  column_names("e.")));
  for (const std::string* text : {&like.digest, &like.nvrtc, &like.cubin, &like.problem, &like.sizes,
                                  &like.device, &like.target, &like.driver})
    statement.bind(*text);
  if (!statement.step()) return std::nullopt;
  return read_evaluation(statement);
}

std::string ConfigDatabase::export_json(const std::string& problem) const {
  std::string text;
  for (const Evaluation& row : evaluations(problem)) text += to_line(to_json(row)) + "\n";
  return text;
}

int ConfigDatabase::import_json(const std::string& text) {
  const std::vector<Evaluation> rows = read_lines(text);
  const std::lock_guard lock(connection_->mutex);
  const int before = sqlite3_total_changes(connection_->database->handle());
  insert(*connection_->database, rows);
  return sqlite3_total_changes(connection_->database->handle()) - before;
}

}  // namespace warpfinch
