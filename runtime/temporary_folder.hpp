// Where files lie that live as long as one call.
#pragma once

#include <filesystem>

namespace warpfinch {

// What TMPDIR names, else /tmp. Error (environment) where that is no folder.
std::filesystem::path temporary_folder();

}  // namespace warpfinch
