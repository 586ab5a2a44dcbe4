// The file's header is read before SQLite runs a statement: that can already write to a database with a
// write-ahead log, and a file that is not ours or is newer than us must stay as it is.
#include "tuner/config_file.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <array>

#include "generator/result.hpp"
#include "tuner/config_schema.hpp"

namespace warpfinch {

namespace {

namespace fs = std::filesystem;

constexpr int kHeaderBytes = 100;

void check_identity(const fs::path& file, const Identity& found) {
  if (found.application != kApplicationId)
    fail_input(fmt::format("database {}: a SQLite file of another program; the file was left as it is",
                           file.string()));
  if (found.version > kSchemaVersion)
    fail_input(
        fmt::format("database {}: has schema {}, this program knows schema {}: use a newer warpfinch, or "
                    "another --database; the file was left as it is",
                    file.string(), found.version, kSchemaVersion));
}

int64_t big_endian(const std::string& bytes, size_t place) {
  int64_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[place + i]);
  return value;
}

// The SQLite header: 16 bytes of magic, user_version at 60, application_id at 68. An empty file is a new
// database. Both 0: schema 1 created its tables in the write-ahead log; looked at again there.
void check_header(const fs::path& file, const std::string& header) {
  if (header.empty()) return;
  if (header.size() < kHeaderBytes || !header.starts_with(std::string_view("SQLite format 3\0", 16)))
    fail_input(fmt::format("database {}: not a SQLite database; the file was left as it is", file.string()));
  const Identity found{big_endian(header, 68), big_endian(header, 60)};
  if (found.version != 0 || found.application != 0) check_identity(file, found);
}

std::unique_ptr<sqlite::Database> open_checked(const fs::path& file, int flags) {
  std::error_code ignored;
  if (fs::is_directory(file, ignored))
    fail_input(fmt::format("database {}: is a directory, should be a file", file.string()));
  auto database = std::make_unique<sqlite::Database>(file, flags);
  check_header(file, database->first_bytes(kHeaderBytes));
  return database;
}

fs::path beside(const fs::path& file, const char* suffix) { return file.string() + suffix; }

// What changes when somebody writes a file; where there is none, always the same.
struct Stamp {
  explicit Stamp(const fs::path& file) {
    std::error_code ignored;
    time = fs::last_write_time(file, ignored);
    bytes = fs::file_size(file, ignored);
  }
  fs::file_time_type time;
  uintmax_t bytes;
  bool operator==(const Stamp&) const = default;
};

// A folder for a moment.
class PrivateFolder {
 public:
  PrivateFolder() {
    std::string pattern = (fs::temp_directory_path() / "warpfinch-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      fail_environment(fmt::format("cannot make a folder in {}", fs::temp_directory_path().string()));
    path_ = pattern;
  }
  ~PrivateFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  PrivateFolder(const PrivateFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::unique_ptr<sqlite::Database> empty_in_memory() {
  // "memory" names nothing on disk: the flag says where it lies.
  return std::make_unique<sqlite::Database>("memory",
                                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY);
}

// Where the -shm file cannot be made, SQLite cannot read a write-ahead log, and would have to be told that
// there is none. So the file and its log are copied to where it can. Whoever has the file open has a -shm
// file there: without one the pair stands still, and is seen to have stood still.
std::unique_ptr<sqlite::Database> copy_of_unused(const fs::path& file) {
  const fs::path log = beside(file, "-wal");
  const std::array before{Stamp(file), Stamp(log)};
  const PrivateFolder folder;
  const fs::path copy = folder.path() / "configs.db";
  fs::copy_file(file, copy);
  if (fs::exists(log)) fs::copy_file(log, beside(copy, "-wal"));
  auto memory = empty_in_memory();
  sqlite::Database(copy, SQLITE_OPEN_READWRITE).copy_to(*memory);
  if (fs::exists(beside(file, "-shm")) || before != std::array{Stamp(file), Stamp(log)})
    fail_environment(
        fmt::format("database {}: somebody began to write it just now: try again", file.string()));
  return memory;
}

// Readable as it lies there, or a copy.
std::unique_ptr<sqlite::Database> open_readable(const fs::path& file) {
  auto database = open_checked(file, SQLITE_OPEN_READONLY);
  try {
    identity(*database);
    return database;
  } catch (const Error& error) {
    database.reset();
    if (error.kind == ErrorKind::input || fs::exists(beside(file, "-shm")) ||
        fs::exists(beside(file, "-journal")))
      throw;
  }
  try {
    return copy_of_unused(file);
  } catch (const fs::filesystem_error& error) {
    fail_environment(fmt::format("database {}: its folder cannot be written and its copy fails: {}",
                                 file.string(), error.code().message()));
  }
}

std::unique_ptr<sqlite::Database> open_read_only(const fs::path& file) {
  if (!fs::exists(file)) fail_input(fmt::format("database {}: there is no such file", file.string()));
  auto database = open_readable(file);
  if (is_blank(*database)) return open_in_memory();
  check_identity(file, identity(*database));
  if (is_current(*database)) return database;
  auto upgraded = empty_in_memory();
  database->copy_to(*upgraded);
  upgrade_tables(*upgraded);
  return upgraded;
}

void make_folder(const fs::path& file) {
  const fs::path folder = fs::absolute(file).parent_path();
  std::error_code code;
  fs::create_directories(folder, code);
  if (code)
    fail_environment(fmt::format("database {}: cannot make the folder {}: {}", file.string(), folder.string(),
                                 code.message()));
}

// Each asks again under its lock: another process may have been first.
void create_under_lock(sqlite::Database& database) {
  sqlite::Transaction transaction(database, "BEGIN EXCLUSIVE");
  if (is_blank(database)) create_tables(database);
  transaction.commit();
}
void upgrade_under_lock(sqlite::Database& database, const fs::path& file) {
  sqlite::Transaction transaction(database);
  check_identity(file, identity(database));
  if (!is_current(database)) upgrade_tables(database);
  transaction.commit();
}

}  // namespace

std::unique_ptr<sqlite::Database> open_config_file(const fs::path& file, bool read_only) {
  if (file.empty()) fail_input("database: no file name");
  if (read_only) return open_read_only(file);
  make_folder(file);
  auto database = open_checked(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (sqlite3_db_readonly(database->handle(), "main") == 1)
    fail_environment(fmt::format("database {}: the file is read-only", file.string()));
  if (is_blank(*database)) create_under_lock(*database);
  check_identity(file, identity(*database));
  if (!is_current(*database)) upgrade_under_lock(*database, file);
  database->use_write_ahead_log();
  // FULL: a row that record() has returned for survives a power failure too; an evaluation costs far more.
  database->execute("PRAGMA synchronous = FULL");
  return database;
}

std::unique_ptr<sqlite::Database> open_in_memory() {
  auto database = empty_in_memory();
  create_tables(*database);
  return database;
}

}  // namespace warpfinch
