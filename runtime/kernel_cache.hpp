// Cubins on disk, one file per key, written aside and renamed, so that two processes compiling one key and a
// crash in the middle both leave whole files. Key: source without comments + options + NVRTC version +
// target. The cache knows nothing of what it keeps: keys are as is_cache_key has them, content is bytes.
// Nothing is loaded that another user (but root) could have written.
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
  // WARPFINCH_CACHE_DIR, else the user's cache folder; empty (a cache that keeps nothing) where there is
  // none.
  static std::filesystem::path default_directory();
  // Made for its user alone where it is not there. One that cannot be written, or that others can change,
  // makes a cache that keeps nothing, with one warning in the log.
  explicit KernelCache(std::filesystem::path directory = default_directory(),
                       int64_t limit_bytes = int64_t{1} << 30);

  // A damaged file is a miss; so is one of another user, with one warning in the log.
  std::optional<std::string> get(const std::string& key) const;
  // Lists the folder at a cache's first put, then only when at least a 64th of the limit has been written
  // since. The limit holds with up to eight processes that fill the folder at a time; each one more may be
  // over it by a 64th, and each by its last file.
  void put(const std::string& key, const std::string& content);
  struct Pruned {
    int files = 0;
    int64_t bytes = 0, left = 0;
  };
  // Removes the least recently used files of this user until at most limit_bytes of them are left (0: all).
  // What this cache did not write stays.
  Pruned prune(int64_t limit_bytes);
  const std::filesystem::path& directory() const { return directory_; }

 private:
  // Shared by copies, which warn once together and fill one folder.
  struct Shared {
    std::atomic<bool> warned_of_folder = false, warned_of_file = false;
    // Bytes to write before the folder is listed again, to see whether something must go.
    std::atomic<int64_t> room = 0;
  };
  void warn_once(const std::string& what) const;
  void make_room(int64_t written);

  std::filesystem::path directory_;
  int64_t limit_bytes_;
  bool trusted_ = true;  // others cannot change what is in the directory
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

}  // namespace warpfinch
