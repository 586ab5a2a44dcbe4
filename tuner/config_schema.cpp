#include "tuner/config_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "tuner/config_columns.hpp"
#include "tuner/config_database.hpp"

namespace warpfinch {

namespace {

// Follow from a row's other columns. cost_us: of a right measurement or a prediction, else NULL; the same as
// cost_us() of evaluation.hpp. wrong: a result that was wrong, which no later time can mend.
constexpr const char* kCost =
    "cost_us DOUBLE PRECISION GENERATED ALWAYS AS (CASE"
    " WHEN outcome = 'measured' AND max_error <= 1 AND median_us > 0 AND median_us < 9e999 THEN median_us"
    " WHEN outcome = 'predicted' AND predicted_us > 0 AND predicted_us < 9e999 THEN predicted_us END)";
constexpr const char* kWrong =
    "wrong BIGINT GENERATED ALWAYS AS (CASE"
    " WHEN outcome = 'rejected' AND stage = 'correctness' THEN 1"
    " WHEN outcome = 'measured' AND coalesce(max_error <= 1, 0) = 0 THEN 1 ELSE 0 END)";

// The first serves look-ups and their question for later rows of the same config; the others ask what is
// known of a text or of a cubin, and leave out the many rows that have none.
constexpr const char* kIndices =
    "CREATE INDEX evaluations_by_place ON evaluations (problem, device, config, time);"
    "CREATE INDEX evaluations_by_digest ON evaluations (digest) WHERE digest <> '';"
    "CREATE INDEX evaluations_by_cubin ON evaluations (cubin) WHERE cubin <> '';";

// What the daemon has finished.
std::string finished_table() {
  std::string definitions, key;
  for_each_field<ConfigDatabase::Task>([&](const auto& field) {
    definitions += fmt::format("{} TEXT NOT NULL, ", field.name);
    key += fmt::format("{}{}", key.empty() ? "" : ", ", field.name);
  });
  return fmt::format("CREATE TABLE finished ({}time TEXT NOT NULL, PRIMARY KEY ({}));", definitions, key);
}

std::string evaluations_table() {
  std::string definitions;
  for (const Column& column : evaluation_columns())
    definitions += fmt::format("{} {}, ", column.name, column.definition);
  return fmt::format(
      "CREATE TABLE evaluations (id INTEGER PRIMARY KEY, {}content TEXT NOT NULL UNIQUE, {}, {});",
      definitions, kCost, kWrong);
}

int64_t number(const sqlite::Database& database, const char* sql) {
  sqlite::Statement statement(database, sql);
  return statement.step() ? statement.integer(0) : 0;
}

// The definitions of columns that the table does not have.
std::vector<std::string> missing_columns(const sqlite::Database& database) {
  std::set<std::string> present;
  sqlite::Statement statement(database, "SELECT name FROM pragma_table_xinfo('evaluations')");
  while (statement.step()) present.insert(statement.text(0));
  std::vector<std::string> missing;
  for (const Column& column : evaluation_columns())
    if (!present.contains(column.name)) missing.push_back(column.name + " " + column.definition);
  if (!present.contains("cost_us")) missing.push_back(kCost);
  if (!present.contains("wrong")) missing.push_back(kWrong);
  return missing;
}

void set_version(sqlite::Database& database) {
  database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
}

// Schema 1 remembered what the daemon had finished per list of shapes, and not with which driver and NVRTC:
// the shape's last rows on that device say so.
void upgrade_from_1(sqlite::Database& database) {
  database.execute(
      "DROP INDEX IF EXISTS evaluations_by_problem; DROP INDEX IF EXISTS evaluations_by_device;");
  database.execute(kIndices);
  database.execute(finished_table());
  const auto last = [](const char* column) {
    return fmt::format(
        "coalesce((SELECT {0} FROM evaluations e WHERE e.problem = d.problem AND e.device = d.device"
        " AND e.outcome <> 'rejected' ORDER BY e.time DESC LIMIT 1), '')",
        column);
  };
  database.execute(fmt::format(
      "INSERT INTO finished (problem, sizes, target, device, driver, nvrtc, budget, time)"
      " SELECT d.problem, '', 'sm_90a', d.device, {}, {}, d.budget, max(d.time) FROM daemon_progress d"
      " GROUP BY d.problem, d.device, d.budget;"
      "DROP TABLE daemon_progress;",
      last("driver"), last("nvrtc")));
}

// Schema 2 had genes, and some of their values, under other names (generator/former_words.hpp): a config that
// is found again by its text has to be written in today's.
void upgrade_from_2(sqlite::Database& database) {
  std::vector<std::pair<int64_t, Evaluation>> renamed;
  sqlite::Statement rows(database, fmt::format("SELECT {}, id FROM evaluations", column_names()));
  const int id = static_cast<int>(evaluation_columns().size());
  while (rows.step()) {
    const Evaluation row = read_evaluation(rows);
    Evaluation present = in_present_words(row);
    if (present.config != row.config) renamed.emplace_back(rows.integer(id), std::move(present));
  }
  sqlite::Statement update(database, "UPDATE OR IGNORE evaluations SET config = ?, content = ? WHERE id = ?");
  for (const auto& [row_id, row] : renamed) {
    update.bind(row.config).bind(content_key(row)).bind(row_id).run();
    update.reset();
  }
}

}  // namespace

Identity identity(const sqlite::Database& database) {
  return {number(database, "PRAGMA application_id"), number(database, "PRAGMA user_version")};
}

bool is_blank(const sqlite::Database& database) {
  return number(database, "SELECT count(*) FROM sqlite_schema") == 0 &&
         number(database, "PRAGMA user_version") == 0;
}

bool is_current(const sqlite::Database& database) {
  return identity(database).version == kSchemaVersion && missing_columns(database).empty();
}

void create_tables(sqlite::Database& database) {
  database.execute(evaluations_table());
  database.execute(kIndices);
  database.execute(finished_table());
  database.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
  set_version(database);
}

void upgrade_tables(sqlite::Database& database) {
  for (const std::string& column : missing_columns(database))
    database.execute("ALTER TABLE evaluations ADD COLUMN " + column);
  const int64_t version = identity(database).version;
  if (version < 2) upgrade_from_1(database);
  if (version < 3) upgrade_from_2(database);
  set_version(database);
}

}  // namespace warpfinch
