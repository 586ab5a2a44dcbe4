#include "runtime/cache_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "runtime/whole_file.hpp"

namespace warpfinch {
namespace {

constexpr std::string_view kSuffix = ".kernel", kUnfinished = ".unfinished";
constexpr size_t kHashDigits = 32;
// A file's first line: this, the format's number, the checksum and the length of what follows.
constexpr std::string_view kMagic = "warpfinch-kernel ";
constexpr int kFormat = 1;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

template <class Kind>
bool consists_of(std::string_view text, Kind kind) {
  return !text.empty() && std::all_of(text.begin(), text.end(), kind);
}

// Takes what stands behind the last `mark`; nothing where there is none.
std::string_view take_last(std::string_view& text, char mark) {
  const size_t at = text.rfind(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view last = text.substr(at + 1);
  text = text.substr(0, at);
  return last;
}

std::string header_of(std::string_view content) {
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  return fmt::format("{}{} {:016x}{:016x} {}\n", kMagic, kFormat, hash.high64, hash.low64, content.size());
}

// Never waits, as a named pipe would let it, and follows no link.
Descriptor open_to_read(const std::filesystem::path& file) {
  return Descriptor(open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
}

bool is_finished_name(std::string_view name) {
  if (!name.ends_with(kSuffix)) return false;
  name.remove_suffix(kSuffix.size());
  return is_cache_key(name);
}

}  // namespace

bool is_cache_key(std::string_view key) {
  if (!consists_of(key.substr(0, kHashDigits), is_hex_digit) || key.size() < kHashDigits) return false;
  const std::string_view kind = key.substr(kHashDigits);
  return kind.empty() || (kind.starts_with('-') && consists_of(kind.substr(1), is_letter));
}

std::string cache_name(std::string_view key) { return fmt::format("{}{}", key, kSuffix); }

// Unique among processes and threads, so that nobody writes into another's file.
std::string unfinished_name(std::string_view key) {
  static std::atomic<int> counter = 0;
  return fmt::format("{}.{}.{}{}", cache_name(key), getpid(), counter++, kUnfinished);
}

bool is_unfinished_name(std::string_view name) {
  if (!name.ends_with(kUnfinished)) return false;
  name.remove_suffix(kUnfinished.size());
  return consists_of(take_last(name, '.'), is_digit) && consists_of(take_last(name, '.'), is_digit) &&
         is_finished_name(name);
}

std::string others_with_access(const struct stat& status) {
  if (status.st_uid != geteuid() && status.st_uid != 0)
    return fmt::format("belongs to user {}", status.st_uid);
  // With the sticky bit others can add files to a folder, which then belong to them, and touch no other.
  const bool sticky_folder = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX);
  if (sticky_folder || !(status.st_mode & (S_IWGRP | S_IWOTH))) return {};
  return fmt::format("can be written by other users (mode {:04o}; chmod go-w forbids it)",
                     status.st_mode & 07777);
}

CacheRead read_cache_file(const std::filesystem::path& file) {
  CacheRead result;
  const Descriptor opened = open_to_read(file);
  struct stat status {};
  if (opened.number() < 0 || fstat(opened.number(), &status) != 0 || !S_ISREG(status.st_mode)) return result;
  result.untrusted = others_with_access(status);
  if (!result.untrusted.empty()) return result;
  const std::string bytes = read_whole(opened).value_or("");
  const size_t header = bytes.find('\n') + 1;  // 0 where there is none
  std::string content = bytes.substr(header);
  result.damaged = bytes.compare(0, header, header_of(content)) != 0;
  if (!result.damaged) result.content = std::move(content);
  return result;
}

int write_cache_file(const std::filesystem::path& file, std::string_view content) {
  // Nobody else may write it, whatever the umask.
  const Descriptor opened(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  const bool whole =
      opened.number() >= 0 && write_whole(opened, header_of(content)) && write_whole(opened, content);
  return whole ? 0 : errno;
}

bool is_own_cache_file(const std::filesystem::path& file) {
  const std::string name = file.filename();
  const bool unfinished = is_unfinished_name(name);
  if (!unfinished && !is_finished_name(name)) return false;
  const Descriptor opened = open_to_read(file);
  struct stat status {};
  if (opened.number() < 0 || fstat(opened.number(), &status) != 0) return false;
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid()) return false;
  char begin[kMagic.size()];
  const ssize_t count = pread(opened.number(), begin, sizeof begin, 0);
  if (count < 0) return false;
  const std::string_view seen(begin, static_cast<size_t>(count));
  return unfinished ? kMagic.starts_with(seen) : seen == kMagic;
}

}  // namespace warpfinch
