// SQLite with C++ lifetimes: statements that finalise themselves, a transaction that rolls back unless
// committed, and every failure as an Error of one line that names the file.
#pragma once

#include <sqlite3.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace warpfinch::sqlite {

class Database {
 public:
  // flags: SQLITE_OPEN_…; immutable: the file lies on a medium where not even a lock can be written.
  Database(const std::filesystem::path& file, int flags, bool immutable = false);
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;

  sqlite3* handle() const { return handle_; }
  void execute(const char* sql);
  // Throws what the last failed call means: Error (input) for a file that is no database, else (environment).
  [[noreturn]] void fail(int code) const;

 private:
  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
};

class Statement {
 public:
  Statement(const Database& database, std::string_view sql);
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;

  // Binds the next parameter.
  Statement& bind(std::string_view text);
  Statement& bind(double number);  // NaN becomes NULL
  Statement& bind_null();
  bool step();  // true: a row is there
  void run() { while (step()) {} }
  void reset();
  std::string text(int column) const;
  double number(int column) const;  // NULL reads as infinity
  int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }

 private:
  const Database& database_;
  sqlite3_stmt* handle_ = nullptr;
  int bound_ = 0;
};

class Transaction {
 public:
  // IMMEDIATE: takes the write lock now, so that it waits here and never fails half way for being late.
  explicit Transaction(Database& database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }
  ~Transaction() { if (!done_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr); }
  void commit() { database_.execute("COMMIT"), done_ = true; }

 private:
  Database& database_;
  bool done_ = false;
};

}  // namespace warpfinch::sqlite
