// The tables of the config database, and the one place that opens, checks and creates them.
#pragma once

#include <filesystem>
#include <memory>

#include "tuner/sqlite.hpp"

namespace warpfinch {

// PRAGMA application_id of our files: "WFdb".
constexpr int kApplicationId = 0x57466462;
constexpr int kSchemaVersion = 1;

// A database whose tables are there and of this version. Error as ConfigDatabase's constructor.
std::unique_ptr<sqlite::Database> open_config_file(const std::filesystem::path& file, bool read_only);
// Empty tables in memory.
std::unique_ptr<sqlite::Database> open_in_memory();

}  // namespace warpfinch
