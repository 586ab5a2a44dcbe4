// The tables of the config database, and how older ones become these. A later version may add a column with a
// default, or a table, without a new number: every statement names its columns, and those that a file does
// not have yet are added to it.
#pragma once

#include <cstdint>

#include "tuner/sqlite.hpp"

namespace warpfinch {

// PRAGMA application_id of our files: "WFdb".
constexpr int kApplicationId = 0x57466462;
constexpr int kSchemaVersion = 3;

// What stands in the file's header; both 0 in a file that nobody has written yet.
struct Identity {
  int64_t application = 0, version = 0;
};
Identity identity(const sqlite::Database& database);
// Nothing in it yet, whoever made it.
bool is_blank(const sqlite::Database& database);
// Of this version, with all columns that this program knows.
bool is_current(const sqlite::Database& database);

// Each in a transaction of the caller's, where others may see the file.
void create_tables(sqlite::Database& database);
// From any older version, and adds columns that are missing. Every row stays, and is the same row.
void upgrade_tables(sqlite::Database& database);

}  // namespace warpfinch
