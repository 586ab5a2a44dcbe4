// What the daemon has finished.
#include <fmt/format.h>

#include "tuner/config_connection.hpp"

namespace warpfinch {

namespace {

// "problem, sizes, …", "?, ?, …" or "problem = ? AND sizes = ? …" of a task.
template <class Word>
std::string task_words(const char* between, Word word) {
  std::string words;
  for_each_field<ConfigDatabase::Task>([&](const auto& field) {
    words += fmt::format("{}{}", words.empty() ? "" : between, word(field.name));
  });
  return words;
}

void bind_task(sqlite::Statement& statement, const ConfigDatabase::Task& task) {
  for_each_field<ConfigDatabase::Task>([&](const auto& field) { statement.bind(task.*field.member); });
}

}  // namespace

bool ConfigDatabase::finished(const Task& task) const {
  const std::lock_guard lock(connection_->mutex);
  sqlite::Statement statement(*connection_->database, "SELECT 1 FROM finished WHERE " +
                                                          task_words(" AND ", [](std::string_view name) {
                                                            return fmt::format("{} = ?", name);
                                                          }));
  bind_task(statement, task);
  return statement.step();
}

void ConfigDatabase::set_finished(const Task& task) {
  const std::lock_guard lock(connection_->mutex);
  const std::string key = task_words(", ", [](std::string_view name) { return name; });
  sqlite::Statement statement(
      *connection_->database,
      fmt::format("INSERT INTO finished ({0}, time) VALUES ({1}, ?) ON CONFLICT ({0}) DO UPDATE SET"
                  " time = excluded.time",
                  key, task_words(", ", [](std::string_view) { return "?"; })));
  bind_task(statement, task);
  statement.bind(utc_time()).run();
}

}  // namespace warpfinch
