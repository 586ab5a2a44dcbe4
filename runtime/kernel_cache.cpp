#include "runtime/kernel_cache.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "runtime/cache_file.hpp"
#include "runtime/log.hpp"
#include "runtime/user_folder.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;
using Time = fs::file_time_type;

// What a crashed process left aside is removed after this long; a living one renames within seconds.
constexpr auto kUnfinishedLife = std::chrono::hours(1);
// A listing leaves this part of the limit free, and the next one comes when this part of the free room is
// written: a full folder of 1 GiB is listed every 16 MiB, and as many processes that fill it at a time stay
// within the limit.
constexpr int64_t kPart = 8;

struct Kept {
  fs::path file;
  int64_t bytes;
  Time used;
};

// Those of this user's cache. Other processes may remove files meanwhile: what cannot be read is not there.
std::vector<Kept> list_files(const fs::path& directory) {
  std::vector<Kept> kept;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;
    const int64_t bytes = static_cast<int64_t>(it->file_size(gone));
    const Time used = gone ? Time() : it->last_write_time(gone);
    if (!gone && is_own_cache_file(it->path())) kept.push_back({it->path(), bytes, used});
  }
  return kept;
}

bool is_unfinished(const Kept& kept) { return is_unfinished_name(kept.file.filename().string()); }

void remove_unfinished(const std::vector<Kept>& files) {
  std::error_code error;
  for (const Kept& kept : files)
    if (is_unfinished(kept) && kept.used + kUnfinishedLife < Time::clock::now()) fs::remove(kept.file, error);
}

// Why nothing may be loaded from the folder; empty: it may.
std::string distrust(const fs::path& folder) {
  struct stat status {};
  return stat(folder.c_str(), &status) == 0 ? others_with_access(status) : "";
}

}  // namespace

fs::path KernelCache::default_directory() {
  if (const char* chosen = std::getenv("WARPFINCH_CACHE_DIR"); chosen && *chosen) return chosen;
  const fs::path folder = user_folder("XDG_CACHE_HOME", ".cache");
  return folder.empty() ? folder : folder / "warpfinch";
}

KernelCache::KernelCache(fs::path directory, int64_t limit_bytes)
    : directory_(std::move(directory)), limit_bytes_(limit_bytes) {
  std::error_code error, ignored;
  if (fs::create_directories(directory_, error))
    fs::permissions(directory_, fs::perms::owner_all, ignored);  // for others there is nothing in it
  const std::string others = distrust(directory_);
  trusted_ = others.empty();
  if (!trusted_)
    warn_once(others + ", so that nothing of it is loaded");
  else if (access(directory_.c_str(), W_OK | X_OK) != 0)
    warn_once(directory_.empty() ? "no directory is set" : std::generic_category().message(errno));
}

void KernelCache::warn_once(const std::string& what) const {
  if (shared_->warned_of_folder.exchange(true)) return;
  logger()->warn(
      "kernel cache '{}': {}; kernels are compiled again each time (WARPFINCH_CACHE_DIR sets another)",
      directory_.string(), what);
}

std::optional<std::string> KernelCache::get(const std::string& key) const {
  if (!trusted_ || !is_cache_key(key)) return std::nullopt;
  const fs::path file = directory_ / cache_name(key);
  CacheRead read = read_cache_file(file);
  if (!read.untrusted.empty() && !shared_->warned_of_file.exchange(true))
    logger()->warn("kernel cache: {} {}; it is not loaded but compiled again", file.string(), read.untrusted);
  if (read.damaged) logger()->info("kernel cache: {} is damaged and will be written anew", file.string());
  if (!read.content) return std::nullopt;
  std::error_code error;  // a directory that is read-only keeps its order of use
  fs::last_write_time(file, Time::clock::now(), error);
  return std::move(read.content);
}

void KernelCache::put(const std::string& key, const std::string& content) {
  assert(is_cache_key(key));
  if (directory_.empty() || !trusted_) return;
  const fs::path aside = directory_ / unfinished_name(key);
  std::error_code ignored;
  fs::remove(aside, ignored);  // of a process that had our number and crashed
  std::error_code error(write_cache_file(aside, content), std::generic_category());
  if (!error) fs::rename(aside, directory_ / cache_name(key), error);
  if (!error) return make_room(static_cast<int64_t>(content.size()));
  fs::remove(aside, ignored);
  warn_once(error.message());
}

void KernelCache::make_room(int64_t written) {
  if ((shared_->room -= written) >= 0) return;
  const int64_t least_free = limit_bytes_ / kPart;
  const Pruned pruned = prune(limit_bytes_ - least_free);
  shared_->room =
      std::max(limit_bytes_ - pruned.left, least_free) / kPart;  // what is left may not be removable
}

KernelCache::Pruned KernelCache::prune(int64_t limit_bytes) {
  std::vector<Kept> files = list_files(directory_);
  remove_unfinished(files);
  std::erase_if(files, is_unfinished);
  std::sort(files.begin(), files.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
  Pruned pruned;
  for (const Kept& kept : files) pruned.left += kept.bytes;
  for (const Kept& kept : files) {
    if (pruned.left <= limit_bytes) break;
    std::error_code error;
    if (!fs::remove(kept.file, error)) continue;  // somebody else did, or may not be
    pruned.left -= kept.bytes;
    pruned.files += 1;
    pruned.bytes += kept.bytes;
  }
  return pruned;
}

}  // namespace warpfinch
