// SQLite with C++ lifetimes.
#include "tuner/sqlite.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <thread>

#include "generator/result.hpp"
#include "generator/text.hpp"

namespace warpfinch::sqlite {

namespace {

constexpr std::chrono::seconds kLongestWait(10);
// So many waits, about 0.1 s, before it is asked whether there are locks at all.
constexpr int kWaitsBeforeDoubt = 12;

// The path as a file: URI, for which SQLite wants everything unusual escaped.
std::string uri(const std::filesystem::path& file) {
  std::string text = "file:";
  for (const char c : std::filesystem::absolute(file).string())
    text += is_letter(c) || is_digit(c) || c == '/' || c == '.' || c == '-' || c == '_'
                ? std::string(1, c)
                : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  return text;
}

// Tries it on a file of its own beside `file`, with the fcntl that SQLite uses. SQLite takes ENOLCK, the
// answer of file systems without locks, for a lock that somebody else holds.
bool gives_locks(const std::filesystem::path& file) {
  using Fcntl = int (*)(int, int, ...);
  sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
  const auto fcntl_of_sqlite = reinterpret_cast<Fcntl>(vfs->xGetSystemCall(vfs, "fcntl"));
  std::string name = file.string() + ".lock-XXXXXX";
  const int trial = mkstemp(name.data());
  if (trial < 0 || !fcntl_of_sqlite) return true;  // not known
  unlink(name.c_str());
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_len = 1;
  const bool locked = fcntl_of_sqlite(trial, F_SETLK, &lock) == 0;
  close(trial);
  return locked;
}

}  // namespace

Database::Database(const std::filesystem::path& file, int flags) : file_(file) {
  const int code = sqlite3_open_v2(uri(file).c_str(), &handle_, flags | SQLITE_OPEN_URI, nullptr);
  if (code != SQLITE_OK) {
    const std::string what = handle_ ? meaning(code) : "out of memory";
    sqlite3_close(handle_);
    fail_environment(fmt::format("database {}: {}", file.string(), what));
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_handler(handle_, wait_for_lock, this);
}

int Database::wait_for_lock(void* self, int count) {
  return static_cast<Database*>(self)->wait_for_lock(count) ? 1 : 0;
}

// Called for the count-th time because of one lock; false: it is given up.
bool Database::wait_for_lock(int count) {
  const auto now = std::chrono::steady_clock::now();
  if (count == 0) waiting_since_ = now;
  waited_long_ = now - waiting_since_ > kLongestWait;
  without_locks_ = without_locks_ || (count == kWaitsBeforeDoubt && !gives_locks(file_));
  if (waited_long_ || without_locks_) return false;
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(count + 1, 20)));
  return true;
}

std::string Database::meaning(int code) const {
  const int kind = code & 0xff;
  std::string words = sqlite3_errmsg(handle_);
  // Of other kinds it would be the errno of an earlier call.
  const int system = kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN ? sqlite3_system_errno(handle_) : 0;
  if (system != 0) words += fmt::format(": {}", std::strerror(system));
  const auto means = [&](std::string_view what) { return fmt::format("{} ({})", what, words); };
  switch (code) {
    case SQLITE_IOERR_LOCK:
    case SQLITE_IOERR_RDLOCK:
    case SQLITE_IOERR_UNLOCK:
    case SQLITE_IOERR_CHECKRESERVEDLOCK:
      return means("the file system gives no file locks");
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_IOERR_SHMSIZE:
    case SQLITE_IOERR_SHMLOCK:
    case SQLITE_IOERR_SHMMAP:
      return means("the -shm file beside it, which processes share, fails");
    case SQLITE_READONLY_ROLLBACK:
    case SQLITE_READONLY_RECOVERY:
      return means("a killed writer left it half done: open it once for writing");
    default:
      break;
  }
  switch (kind) {
    case SQLITE_FULL:
      return means("the disk is full");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return means("it cannot be written");
    case SQLITE_CANTOPEN:
      return means("it cannot be opened or created");
    case SQLITE_BUSY:
      if (without_locks_) return means("the file system gives no file locks");
      if (!waited_long_) return means("another process holds it");
      return means(fmt::format("another process holds it for more than {} s", kLongestWait.count()));
    case SQLITE_IOERR:
      return means("reading or writing it failed");
    default:
      return means("SQLite failed");
  }
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

// SQLite does not call the busy handler for the locks of this switch.
void Database::use_write_ahead_log() {
  for (int count = 0;; ++count) {
    const int code = sqlite3_exec(handle_, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return;
    if ((code & 0xff) != SQLITE_BUSY || !wait_for_lock(count)) fail(code);
  }
}

void Database::copy_to(Database& other) const {
  sqlite3_backup* backup = sqlite3_backup_init(other.handle_, "main", handle_, "main");
  if (!backup) other.fail(sqlite3_errcode(other.handle_));
  int code = SQLITE_OK;
  for (int count = 0; (code = sqlite3_backup_step(backup, -1)) == SQLITE_BUSY; ++count)
    if (!other.wait_for_lock(count)) break;
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) fail(code);
}

std::string Database::first_bytes(int count) const {
  sqlite3_file* file = nullptr;
  sqlite3_int64 size = 0;
  sqlite3_file_control(handle_, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (!file || !file->pMethods || file->pMethods->xFileSize(file, &size) != SQLITE_OK) return {};
  std::string bytes(static_cast<size_t>(std::min<sqlite3_int64>(size, count)), '\0');
  const int code = file->pMethods->xRead(file, bytes.data(), static_cast<int>(bytes.size()), 0);
  if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ) fail(code);
  return bytes;
}

void Database::fail(int code) const {
  const int kind = code & 0xff;
  if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT)
    fail_input(fmt::format("database {}: not a SQLite database, or damaged ({})", file_.string(),
                           sqlite3_errmsg(handle_)));
  fail_environment(fmt::format("database {}: {}", file_.string(), meaning(code)));
}

Statement::Statement(const Database& database, std::string_view sql) : database_(database) {
  const int code =
      sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()), &handle_, nullptr);
  if (code != SQLITE_OK) database.fail(code);
}

Statement& Statement::bind(std::string_view text) {
  // A null pointer would bind NULL, and an empty view may hold one.
  const char* data = text.empty() ? "" : text.data();
  sqlite3_bind_text(handle_, ++bound_, data, static_cast<int>(text.size()), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind(double number) {
  sqlite3_bind_double(handle_, ++bound_, number);
  return *this;
}

Statement& Statement::bind(int64_t number) {
  sqlite3_bind_int64(handle_, ++bound_, number);
  return *this;
}

Statement& Statement::bind_null() {
  sqlite3_bind_null(handle_, ++bound_);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail(code);
  return code == SQLITE_ROW;
}

void Statement::reset() {
  sqlite3_reset(handle_);
  bound_ = 0;
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return data ? std::string(data, static_cast<size_t>(sqlite3_column_bytes(handle_, column))) : std::string();
}

double Statement::number(int column) const {
  if (is_null(column)) return std::numeric_limits<double>::infinity();
  return sqlite3_column_double(handle_, column);
}

}  // namespace warpfinch::sqlite
