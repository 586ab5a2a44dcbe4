// SQLite with C++ lifetimes.
#include "tuner/sqlite.hpp"

#include <fmt/format.h>

#include <limits>

#include "generator/result.hpp"
#include "generator/text.hpp"

namespace warpfinch::sqlite {

namespace {

constexpr int kBusyMilliseconds = 10000;

// The path as a file: URI, for which SQLite wants everything unusual escaped.
std::string uri(const std::filesystem::path& file, bool immutable) {
  std::string text = "file:";
  for (const char c : std::filesystem::absolute(file).string())
    text += is_letter(c) || is_digit(c) || c == '/' || c == '.' || c == '-' || c == '_'
                ? std::string(1, c)
                : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  return immutable ? text + "?immutable=1" : text;
}

std::string meaning(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL: return "the disk is full";
    case SQLITE_READONLY:
    case SQLITE_PERM: return "it cannot be written";
    case SQLITE_CANTOPEN: return "it cannot be opened or created";
    case SQLITE_BUSY:
      return fmt::format("another process holds it for more than {} s", kBusyMilliseconds / 1000);
    case SQLITE_IOERR: return "reading or writing it failed";
    default: return "SQLite failed";
  }
}

}  // namespace

Database::Database(const std::filesystem::path& file, int flags, bool immutable) : file_(file) {
  const int code = sqlite3_open_v2(uri(file, immutable).c_str(), &handle_, flags | SQLITE_OPEN_URI, nullptr);
  if (code != SQLITE_OK) {
    const std::string what = handle_ ? sqlite3_errmsg(handle_) : "out of memory";
    sqlite3_close(handle_);
    fail_environment(fmt::format("database {}: {} ({})", file.string(), meaning(code), what));
  }
  sqlite3_busy_timeout(handle_, kBusyMilliseconds);
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

void Database::fail(int code) const {
  const int kind = code & 0xff;
  if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT)
    fail_input(fmt::format("database {}: not a SQLite database, or damaged ({})", file_.string(),
                           sqlite3_errmsg(handle_)));
  fail_environment(
      fmt::format("database {}: {} ({})", file_.string(), meaning(code), sqlite3_errmsg(handle_)));
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
  if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::numeric_limits<double>::infinity();
  return sqlite3_column_double(handle_, column);
}

}  // namespace warpfinch::sqlite
