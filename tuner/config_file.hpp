// Opening a config database, in the one place that checks, creates and upgrades its file.
#pragma once

#include <filesystem>
#include <memory>

#include "tuner/sqlite.hpp"

namespace warpfinch {

// Of this schema when it is handed out: a file that is opened for writing is created or upgraded, in one
// transaction; for one that is only read and is older or blank, a copy in memory takes its place. Error as
// ConfigDatabase's constructor.
std::unique_ptr<sqlite::Database> open_config_file(const std::filesystem::path& file, bool read_only);
// Empty tables in memory.
std::unique_ptr<sqlite::Database> open_in_memory();

}  // namespace warpfinch
