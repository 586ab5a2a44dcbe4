// Files that the user names, "-" among them: standard input where a file is read, standard output where one
// is written. What the system refuses is an Error: (input) where the name or the file is the user's to mend,
// else (environment).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace warpfinch {

// As messages name it: "standard input" for "-".
std::string input_name(const std::filesystem::path& file);
// The whole content of a file, a pipe or a device. Error (input).
std::string read_file(const std::filesystem::path& file);

// A regular file is replaced in one step, so that a full disk or a crash leaves the old one whole; a link to
// it stays a link, its mode and owner stay. Written in place are pipes, devices and what the caller of the
// program has open already, and where one step is not possible: files with hard links or of another owner,
// and files in folders that may not be written.
void write_file(const std::filesystem::path& file, const std::string& content);
// Before long work whose result goes there: the Error that write_file would give, as far as it can be known.
void check_can_write(const std::filesystem::path& file);
// "-", or another name of the file, pipe or device that standard output goes to.
bool is_standard_output(const std::filesystem::path& file);

// "512M" → bytes; suffixes K, M, G are powers of 1024. Error (input) names the option.
int64_t parse_bytes(const std::string& text, const std::string& option);

}  // namespace warpfinch
