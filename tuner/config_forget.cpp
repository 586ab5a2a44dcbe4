// What leaves the config database.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "generator/quote.hpp"
#include "tuner/config_columns.hpp"
#include "tuner/config_connection.hpp"

namespace warpfinch {

namespace {

void check_column(const std::string& name) {
  std::vector<std::string> known;
  for (const Column& column : evaluation_columns()) known.push_back(column.name);
  if (std::find(known.begin(), known.end(), name) == known.end())
    fail_input(fmt::format("rows have no {}; known: {}", quote(name), fmt::join(known, ", ")));
}

// "problem GLOB ? AND device GLOB ?"
std::string condition(const std::vector<Pattern>& patterns) {
  std::string words;
  for (const Pattern& pattern : patterns) {
    check_column(pattern.column);
    words += fmt::format("{}coalesce({}, '') GLOB ?", words.empty() ? "" : " AND ", pattern.column);
  }
  return words;
}

void bind_globs(sqlite::Statement& statement, const std::vector<Pattern>& patterns) {
  for (const Pattern& pattern : patterns) statement.bind(pattern.glob);
}

std::vector<ConfigDatabase::Forgotten> count(const sqlite::Database& database, const std::string& rows,
                                             const std::vector<Pattern>& patterns) {
  sqlite::Statement statement(
      database,
      fmt::format("SELECT problem, device, count(*) FROM evaluations WHERE {} GROUP BY problem, device"
                  " ORDER BY problem, device",
                  rows));
  bind_globs(statement, patterns);
  std::vector<ConfigDatabase::Forgotten> found;
  while (statement.step()) found.push_back({statement.text(0), statement.text(1), statement.integer(2)});
  return found;
}

void remove(const sqlite::Database& database, const std::string& rows, const std::vector<Pattern>& patterns) {
  sqlite::Statement statement(database, "DELETE FROM evaluations WHERE " + rows);
  bind_globs(statement, patterns);
  statement.run();
}

// Only of what was forgotten just now: nothing else may lose its rows here.
void remove_finished(const sqlite::Database& database, const ConfigDatabase::Forgotten& forgotten) {
  sqlite::Statement statement(database,
                              "DELETE FROM finished WHERE problem = ?1 AND device = ?2 AND NOT EXISTS"
                              " (SELECT 1 FROM evaluations WHERE problem = ?1 AND device = ?2)");
  statement.bind(forgotten.problem).bind(forgotten.device).run();
}

}  // namespace

std::vector<ConfigDatabase::Forgotten> ConfigDatabase::forget(const std::vector<Pattern>& patterns,
                                                              bool dry_run) {
  if (patterns.empty()) fail_input("forget which rows? A pattern is FIELD=GLOB, as 'device=model:*'");
  const std::string rows = condition(patterns);
  const std::lock_guard lock(connection_->mutex);
  sqlite::Database& database = *connection_->database;
  if (dry_run) return count(database, rows, patterns);
  sqlite::Transaction transaction(database);
  const std::vector<Forgotten> forgotten = count(database, rows, patterns);
  remove(database, rows, patterns);
  for (const Forgotten& one : forgotten) remove_finished(database, one);
  transaction.commit();
  return forgotten;
}

}  // namespace warpfinch
