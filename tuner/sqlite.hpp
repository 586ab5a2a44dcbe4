// SQLite with C++ lifetimes: statements that finalise themselves, a transaction that rolls back unless
// committed, and every failure as an Error of one line that names the file.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace warpfinch::sqlite {

class Database {
 public:
  // flags: SQLITE_OPEN_….
  Database(const std::filesystem::path& file, int flags);
  ~Database() { sqlite3_close(handle_); }
  Database(const Database&) = delete;

  sqlite3* handle() const { return handle_; }
  void execute(const char* sql);
  void execute(const std::string& sql) { execute(sql.c_str()); }
  // Many readers beside one writer. Waits for others who have the file open.
  void use_write_ahead_log();
  // Everything, into an empty database.
  void copy_to(Database& other) const;
  // What the file begins with, before any statement: nothing is locked, and nothing made beside the file. Not
  // by opening it a second time, since closing that would drop the locks of all its connections in this
  // process (fcntl(2)). Shorter where the file is.
  std::string first_bytes(int count) const;
  // Throws what the last failed call means: Error (input) for a file that is no database, else (environment).
  [[noreturn]] void fail(int code) const;

 private:
  static int wait_for_lock(void* self, int count);
  bool wait_for_lock(int count);
  std::string meaning(int code) const;

  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
  std::chrono::steady_clock::time_point waiting_since_;
  bool waited_long_ = false, without_locks_ = false;
};

class Statement {
 public:
  Statement(const Database& database, std::string_view sql);
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;

  // Binds the next parameter.
  Statement& bind(std::string_view text);
  Statement& bind(double number);  // NaN becomes NULL
  Statement& bind(int64_t number);
  Statement& bind_null();
  bool step();  // true: a row is there
  void run() {
    while (step()) {
    }
  }
  void reset();
  bool is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
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
  // EXCLUSIVE: keeps readers out as well, where there is no write-ahead log yet.
  explicit Transaction(Database& database, const char* begin = "BEGIN IMMEDIATE") : database_(database) {
    database_.execute(begin);
  }
  ~Transaction() {
    if (!done_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  void commit() { database_.execute("COMMIT"), done_ = true; }

 private:
  Database& database_;
  bool done_ = false;
};

}  // namespace warpfinch::sqlite
