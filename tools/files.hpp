// Files that the user names. Reading: Error (input). Writing: aside and renamed, so that a full disk or a
// crash leaves the old file whole; Error (input) for a folder that does not exist, else (environment).
#pragma once

#include <filesystem>
#include <string>

namespace warpfinch {

std::string read_file(const std::filesystem::path& file);
// "-" is standard output; what is no regular file (a pipe, a device) is written in place.
void write_file(const std::filesystem::path& file, const std::string& content);
// "512M" → bytes; suffixes K, M, G are powers of 1024. Error (input) names the option.
int64_t parse_bytes(const std::string& text, const std::string& option);

}  // namespace warpfinch
