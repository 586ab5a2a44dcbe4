// One file of the kernel cache: what it is called, what its first line says, and whether anybody but its user
// could have written it. What is loaded from it runs with the user's rights, so the last one matters.
// Internal to runtime/.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace warpfinch {

// 32 hex digits, perhaps with a dash and a word: "…", "…-newest", "…-e".
bool is_cache_key(std::string_view key);
// "<key>.kernel", and what it is called until it is whole: "<key>.kernel.<pid>.<number>.unfinished".
std::string cache_name(std::string_view key);
std::string unfinished_name(std::string_view key);
bool is_unfinished_name(std::string_view name);

// Who besides this user and root could have changed what `status` is of, as half a sentence; empty: nobody.
std::string others_with_access(const struct stat& status);

struct CacheRead {
  std::optional<std::string> content;
  bool damaged = false;   // there, and not what was written
  std::string untrusted;  // others_with_access; then nothing was read
};
CacheRead read_cache_file(const std::filesystem::path& file);
// Makes the file. 0, or the number of the error.
int write_cache_file(const std::filesystem::path& file, std::string_view content);

// Name, owner and first bytes are those of a file that this cache wrote for this user; of an unfinished one
// the first bytes may be missing.
bool is_own_cache_file(const std::filesystem::path& file);

}  // namespace warpfinch
