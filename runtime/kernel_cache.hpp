// Cubins on disk, one file per key, written aside and renamed, so that two processes compiling one key and a
// crash in the middle both leave whole files. Key: source without comments + options + NVRTC version +
// target. The cache knows nothing of what it keeps: keys are hex digits and dashes, content is bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace warpfinch {

class KernelCache {
 public:
  // WARPFINCH_CACHE_DIR, else $XDG_CACHE_HOME/warpfinch, else ~/.cache/warpfinch; empty (a cache that keeps
  // nothing) where none of them is set.
  static std::filesystem::path default_directory();
  // A directory that cannot be written makes a cache that keeps nothing, with one warning in the log.
  explicit KernelCache(std::filesystem::path directory = default_directory(),
                       int64_t limit_bytes = int64_t{1} << 30);

  std::optional<std::string> get(const std::string& key) const;  // a damaged file is a miss
  void put(const std::string& key, const std::string& content);
  struct Pruned { int files = 0; int64_t bytes = 0; };
  // Removes the least recently used files until at most limit_bytes are left (0: all).
  Pruned prune(int64_t limit_bytes);
  const std::filesystem::path& directory() const { return directory_; }

 private:
  void warn_once(const std::string& what) const;

  std::filesystem::path directory_;
  int64_t limit_bytes_;
  // Shared by copies, which warn once together.
  std::shared_ptr<std::atomic<bool>> warned_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace warpfinch
