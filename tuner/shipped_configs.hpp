// The tuned configs that come with the program: JSON lines as `database export` writes them, one file per
// device. They answer below the user's own database, and nothing ever writes them.
#pragma once

#include <filesystem>
#include <optional>

#include "tuner/config_database.hpp"

namespace warpfinch {

// WARPFINCH_CONFIGS where it is set (empty: none); else the first that is there of share/warpfinch/configs
// beside the folder of this program or library (tuner/configs for a build in the source tree), and of
// warpfinch/configs in each of XDG_DATA_DIRS. Empty: none.
std::filesystem::path shipped_folder();

// Every *.json of the folder, in memory. A file that cannot be read is passed over with a warning in the log:
// it must not keep the program from working. nullopt where there is nothing.
std::optional<ConfigDatabase> read_shipped(const std::filesystem::path& folder = shipped_folder());

}  // namespace warpfinch
