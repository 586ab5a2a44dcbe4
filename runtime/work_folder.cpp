#include "runtime/work_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "generator/result.hpp"
#include "runtime/temporary_folder.hpp"
#include "runtime/whole_file.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "warpfinch-work-";
constexpr const char* kRemedy = "TMPDIR can name another folder for temporary files";

Descriptor open_folder(const fs::path& folder) {
  return Descriptor(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool is_ours(const Descriptor& folder) {
  struct stat status {};
  return fstat(folder.number(), &status) == 0 && status.st_uid == geteuid();
}

// Where locks are not supported, nobody can tell whether a folder is in use, and it stays.
void remove_abandoned(const fs::path& below) {
  std::error_code error, ignored;
  for (fs::directory_iterator it(below, error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().string().starts_with(kPrefix)) continue;
    const Descriptor folder = open_folder(it->path());
    if (folder.number() >= 0 && is_ours(folder) && flock(folder.number(), LOCK_EX | LOCK_NB) == 0)
      fs::remove_all(it->path(), ignored);
  }
}

}  // namespace

WorkFolder::WorkFolder() {
  const fs::path below = temporary_folder();
  remove_abandoned(below);
  // Another process may take the folder for an abandoned one until the lock is held: then there is a next.
  do {
    std::string pattern = (below / kPrefix).string() + "XXXXXX";
    if (!mkdtemp(pattern.data()))
      fail_environment(
          fmt::format("cannot make a folder {}: {}; {}", pattern, std::strerror(errno), kRemedy));
    path_ = pattern;
    lock_ = open_folder(path_);
    while (flock(lock_.number(), LOCK_EX) != 0 && errno == EINTR) continue;
  } while (!fs::exists(path_));
}

WorkFolder::~WorkFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

fs::path WorkFolder::write(const std::string& name, std::string_view content) const {
  const fs::path file = path_ / name;
  const Descriptor opened(open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (opened.number() < 0 || !write_whole(opened, content))
    fail_environment(fmt::format("cannot write {}: {}; {}", file.string(), std::strerror(errno), kRemedy));
  return file;
}

}  // namespace warpfinch
