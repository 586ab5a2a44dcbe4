// The rules of the house about files: which room may include which, what stands at the top level, line
// lengths, and that no number is read or written by the rules of a locale.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace warpfinch::layering {

// One sentence per violation, "file:line: what". Each checks every file of the source tree under `root`.
std::vector<std::string> include_violations(const std::filesystem::path& root);
std::vector<std::string> top_level_violations(const std::filesystem::path& root);
std::vector<std::string> line_violations(const std::filesystem::path& root);
// Calls that follow the locale of the process, which is the host's: generator/text.hpp has what does not.
std::vector<std::string> locale_violations(const std::filesystem::path& root);

}  // namespace warpfinch::layering
