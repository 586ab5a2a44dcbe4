// Opening a config database. The file's header is read before SQLite sees the file: merely opening a database
// in WAL mode can write to it, and a file that is not ours or is newer than us must stay as it is.
#include "tuner/config_schema.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <fstream>

#include "generator/result.hpp"

namespace warpfinch {

namespace {

// One row per evaluation; `content` is a hash over all of it, which makes importing twice harmless.
constexpr const char* kTables = R"(
CREATE TABLE evaluations (
  id INTEGER PRIMARY KEY,
  problem TEXT NOT NULL, config TEXT NOT NULL, digest TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('measured', 'predicted', 'rejected')),
  median_us REAL, min_us REAL, max_us REAL, spread REAL, samples_us TEXT,
  launches_per_sample INTEGER, l2 TEXT, max_error REAL,
  predicted_us REAL,
  stage TEXT, reason TEXT,
  device TEXT NOT NULL, driver TEXT NOT NULL, nvrtc TEXT NOT NULL, time TEXT NOT NULL,
  content TEXT NOT NULL UNIQUE);
CREATE INDEX evaluations_by_problem ON evaluations (problem, device, config);
CREATE INDEX evaluations_by_device ON evaluations (device, outcome, problem);
CREATE TABLE daemon_progress (
  list TEXT NOT NULL, problem TEXT NOT NULL, device TEXT NOT NULL, budget TEXT NOT NULL, time TEXT NOT NULL,
  PRIMARY KEY (list, problem, device, budget)) WITHOUT ROWID;
)";

[[noreturn]] void fail_newer(const std::filesystem::path& file, int64_t version) {
  fail_input(
      fmt::format("database {}: has schema {}, this program knows schema {}: use a newer warpfinch, or "
                  "another --database; the file was left as it is",
                  file.string(), version, kSchemaVersion));
}

void check_identity(const std::filesystem::path& file, int64_t application, int64_t version) {
  if (application != kApplicationId)
    fail_input(fmt::format("database {}: a SQLite file of another program; the file was left as it is",
                           file.string()));
  if (version > kSchemaVersion) fail_newer(file, version);
}

int64_t big_endian(const char* bytes) {
  int64_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// The SQLite header: 16 bytes of magic, user_version at 60, application_id at 68.
void check_header(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    fail_input(fmt::format("database {}: is a directory, should be a file", file.string()));
  std::ifstream stream(file, std::ios::binary);
  std::array<char, 100> header{};
  stream.read(header.data(), header.size());
  if (stream.gcount() == 0) return;  // not there, or empty: SQLite makes a database of it
  if (stream.gcount() < 100 || std::memcmp(header.data(), "SQLite format 3", 16) != 0)
    fail_input(fmt::format("database {}: not a SQLite database; the file was left as it is", file.string()));
  // Both 0: another process has created the file, and its tables still lie in the write-ahead log.
  const int64_t version = big_endian(&header[60]), application = big_endian(&header[68]);
  if (version != 0 || application != 0) check_identity(file, application, version);
}

int64_t pragma(const sqlite::Database& database, const char* sql) {
  sqlite::Statement statement(database, sql);
  return statement.step() ? statement.integer(0) : 0;
}

bool is_blank(const sqlite::Database& database) {
  return pragma(database, "SELECT count(*) FROM sqlite_schema") == 0 &&
         pragma(database, "PRAGMA user_version") == 0;
}

void create_tables(sqlite::Database& database) {
  sqlite::Transaction transaction(database);
  if (is_blank(database)) {  // asked again under the lock: another process may have been first
    database.execute(kTables);
    database.execute(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str());
    database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion).c_str());
  }
  transaction.commit();
}

void check_tables(const sqlite::Database& database, const std::filesystem::path& file) {
  check_identity(file, pragma(database, "PRAGMA application_id"), pragma(database, "PRAGMA user_version"));
}

std::unique_ptr<sqlite::Database> open_read_only(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file))
    fail_input(fmt::format("database {}: there is no such file", file.string()));
  auto database = std::make_unique<sqlite::Database>(file, SQLITE_OPEN_READONLY);
  try {
    check_tables(*database, file);
  } catch (const Error& error) {
    if (error.kind == ErrorKind::input) throw;
    // A WAL database in a folder where the shared-memory file cannot be made: nobody can be writing it
    // either.
    database = std::make_unique<sqlite::Database>(file, SQLITE_OPEN_READONLY, true);
    check_tables(*database, file);
  }
  return database;
}

void make_folder(const std::filesystem::path& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code)
    fail_environment(fmt::format("database {}: cannot make the folder {}: {}", file.string(), folder.string(),
                                 code.message()));
}

}  // namespace

std::unique_ptr<sqlite::Database> open_config_file(const std::filesystem::path& file, bool read_only) {
  if (file.empty()) fail_input("database: no file name");
  check_header(file);
  if (read_only) return open_read_only(file);
  make_folder(file);
  auto database = std::make_unique<sqlite::Database>(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (sqlite3_db_readonly(database->handle(), "main") == 1)
    fail_environment(fmt::format("database {}: the file is read-only", file.string()));
  // FULL: a row that record() has returned for survives a power failure too; an evaluation costs far more.
  database->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  create_tables(*database);
  check_tables(*database, file);
  return database;
}

std::unique_ptr<sqlite::Database> open_in_memory() {
  // "memory" names nothing on disk: the flag says where it lies.
  auto database = std::make_unique<sqlite::Database>(
      "memory", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY);
  create_tables(*database);
  return database;
}

}  // namespace warpfinch
