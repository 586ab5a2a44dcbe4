// What a ConfigDatabase holds: private to its source files.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "tuner/config_database.hpp"
#include "tuner/config_file.hpp"

namespace warpfinch {

struct ConfigDatabase::Connection {
  explicit Connection(std::unique_ptr<sqlite::Database> opened) : database(std::move(opened)) {}
  std::unique_ptr<sqlite::Database> database;
  std::mutex mutex;  // one statement at a time: a transaction belongs to the connection, not to a thread
};

}  // namespace warpfinch
