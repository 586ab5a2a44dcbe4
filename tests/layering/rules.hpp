// The rules of the house about files: which room may include which, what stands at the top level, line
// lengths.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace warpfinch::layering {

// One sentence per violation, "file:line: what". Each checks every file of the source tree under `root`.
std::vector<std::string> include_violations(const std::filesystem::path& root);
std::vector<std::string> top_level_violations(const std::filesystem::path& root);
std::vector<std::string> line_violations(const std::filesystem::path& root);

}  // namespace warpfinch::layering
