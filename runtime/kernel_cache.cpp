#include "runtime/kernel_cache.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "runtime/log.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;
using Time = fs::file_time_type;

constexpr std::string_view kSuffix = ".kernel";
constexpr std::string_view kUnfinished = ".unfinished";
// First line of a file: the format's number, the checksum and the length of what follows.
constexpr std::string_view kFormat = "warpfinch-kernel 1";
// What a crashed process left aside is removed after this long; a living one renames within seconds.
constexpr auto kUnfinishedLife = std::chrono::hours(1);

std::string header_of(std::string_view content) {
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  return fmt::format("{} {:016x}{:016x} {}\n", kFormat, hash.high64, hash.low64, content.size());
}

fs::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Unique among processes and threads, so that nobody writes into another's file.
fs::path aside_of(const fs::path& file) {
  static std::atomic<int> counter = 0;
  return fmt::format("{}.{}.{}{}", file.string(), getpid(), counter++, kUnfinished);
}

bool write_whole(const fs::path& file, const std::string& content) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << header_of(content) << content;
  out.close();
  return out.good();
}

struct Kept {
  fs::path file;
  int64_t bytes;
  Time used;
};

// Other processes may remove files meanwhile: whatever cannot be read is not there.
std::vector<Kept> list_files(const fs::path& directory) {
  std::vector<Kept> kept;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const int64_t bytes = static_cast<int64_t>(it->file_size(gone));
    const Time used = gone ? Time() : it->last_write_time(gone);
    if (!gone) kept.push_back({it->path(), bytes, used});
  }
  return kept;
}

bool ends_with(const fs::path& file, std::string_view suffix) { return file.string().ends_with(suffix); }

void remove_unfinished(const std::vector<Kept>& files) {
  std::error_code error;
  for (const Kept& kept : files)
    if (ends_with(kept.file, kUnfinished) && kept.used + kUnfinishedLife < Time::clock::now())
      fs::remove(kept.file, error);
}

}  // namespace

fs::path KernelCache::default_directory() {
  if (const fs::path chosen = environment_path("WARPFINCH_CACHE_DIR"); !chosen.empty()) return chosen;
  // A relative path in it is to be ignored, says the XDG base directory specification.
  if (const fs::path xdg = environment_path("XDG_CACHE_HOME"); xdg.is_absolute()) return xdg / "warpfinch";
  if (const fs::path home = environment_path("HOME"); !home.empty()) return home / ".cache" / "warpfinch";
  return {};
}

KernelCache::KernelCache(fs::path directory, int64_t limit_bytes)
    : directory_(std::move(directory)), limit_bytes_(limit_bytes) {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (access(directory_.c_str(), W_OK | X_OK) != 0)
    warn_once(directory_.empty() ? "no directory is set" : std::generic_category().message(errno));
}

void KernelCache::warn_once(const std::string& what) const {
  if (warned_->exchange(true)) return;
  logger()->warn(
      "kernel cache '{}': {}; kernels are compiled again each time (WARPFINCH_CACHE_DIR sets another)",
      directory_.string(), what);
}

std::optional<std::string> KernelCache::get(const std::string& key) const {
  const fs::path file = directory_ / (key + std::string(kSuffix));
  std::ifstream in(file, std::ios::binary);
  std::string first;
  if (!std::getline(in, first)) return std::nullopt;
  std::string content{std::istreambuf_iterator<char>(in), {}};
  if (first + "\n" != header_of(content)) {
    logger()->info("kernel cache: {} is damaged and will be written anew", file.string());
    return std::nullopt;
  }
  std::error_code error;  // a directory that is read-only keeps its order of use
  fs::last_write_time(file, Time::clock::now(), error);
  return content;
}

void KernelCache::put(const std::string& key, const std::string& content) {
  if (directory_.empty()) return;
  const fs::path file = directory_ / (key + std::string(kSuffix));
  const fs::path aside = aside_of(file);
  std::error_code error;
  errno = 0;
  if (!write_whole(aside, content)) {
    error = std::error_code(errno ? errno : EIO, std::generic_category());
  } else {
    fs::rename(aside, file, error);
  }
  if (!error) {
    prune(limit_bytes_);
    return;
  }
  std::error_code ignored;
  fs::remove(aside, ignored);
  warn_once(error.message());
}

KernelCache::Pruned KernelCache::prune(int64_t limit_bytes) {
  std::vector<Kept> files = list_files(directory_);
  remove_unfinished(files);
  std::erase_if(files, [](const Kept& kept) { return !ends_with(kept.file, kSuffix); });
  std::sort(files.begin(), files.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
  int64_t total = 0;
  for (const Kept& kept : files) total += kept.bytes;
  Pruned pruned;
  for (const Kept& kept : files) {
    if (total <= limit_bytes) break;
    std::error_code error;
    if (!fs::remove(kept.file, error)) continue;  // somebody else did, or may not be
    total -= kept.bytes;
    pruned.files += 1;
    pruned.bytes += kept.bytes;
  }
  return pruned;
}

}  // namespace warpfinch
