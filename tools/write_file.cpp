// The writing half of files.hpp. A file is replaced by writing a new one beside it and renaming that: what
// reads the old one meanwhile reads it whole, and a failure leaves it as it was.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "generator/result.hpp"
#include "generator/text.hpp"
#include "tools/files.hpp"
#include "tools/output.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

using Status = struct stat;

std::optional<Status> status_of(const fs::path& file) {
  Status status;
  if (stat(file.c_str(), &status) != 0) return std::nullopt;
  return status;
}

bool same_file(const Status& a, const Status& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

[[noreturn]] void refuse(const fs::path& file, int code) {
  const std::string message = fmt::format("cannot write {}: {}", file.string(), std::strerror(code));
  const bool is_wrong_name =
      code == ENOENT || code == ENOTDIR || code == EISDIR || code == ENAMETOOLONG || code == ELOOP;
  is_wrong_name ? fail_input(message) : fail_environment(message);
}

// Each of the following gives 0, or the errno of what failed.
int write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = write(descriptor, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    content.remove_prefix(static_cast<size_t>(count));
  }
  return 0;
}

// Some file systems tell only at the end that the disk is full.
int closed(int descriptor, int code) { return close(descriptor) != 0 && code == 0 ? errno : code; }

int write_in_place(const fs::path& file, std::string_view content) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
  return descriptor < 0 ? errno : closed(descriptor, write_all(descriptor, content));
}

// The new file gets the old one's owner and mode.
int take_over(int descriptor, const std::optional<Status>& wanted) {
  if (!wanted) return 0;
  const Status& old = *wanted;
  Status own;
  if (fstat(descriptor, &own) != 0) return errno;
  const bool same_owner = own.st_uid == old.st_uid && own.st_gid == old.st_gid;
  if (!same_owner && fchown(descriptor, old.st_uid, old.st_gid) != 0) return errno;
  return fchmod(descriptor, old.st_mode & 07777) == 0 ? 0 : errno;
}

// A new, open file in a folder. Its name is short: the target's may be as long as the system allows.
struct Aside {
  fs::path file;
  int descriptor = -1;
};
Aside make_aside(const fs::path& folder, mode_t mode) {
  Aside aside;
  for (int number = 0; number < 100; ++number) {
    aside.file = folder / fmt::format(".warpfinch-{}-{}.partial", getpid(), number);
    aside.descriptor = open(aside.file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (aside.descriptor >= 0 || errno != EEXIST) break;
  }
  return aside;
}

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : "."; }

int write_beside(const fs::path& target, const std::optional<Status>& old, std::string_view content) {
  // Nobody may read it before it has the old one's mode.
  const Aside aside = make_aside(folder_of(target), old ? 0600 : 0666);
  if (aside.descriptor < 0) return errno;
  int code = take_over(aside.descriptor, old);
  if (code == 0) code = write_all(aside.descriptor, content);
  if (code == 0 && fsync(aside.descriptor) != 0) code = errno;
  code = closed(aside.descriptor, code);
  if (code == 0 && std::rename(aside.file.c_str(), target.c_str()) != 0) code = errno;
  if (code != 0) unlink(aside.file.c_str());
  return code;
}

// May the user put a new file in the old one's place? EBUSY: a single file mounted into a container.
bool forbids_replacing(int code) {
  return code == EACCES || code == EPERM || code == EROFS || code == EBUSY || code == EXDEV;
}

// Would a new file of the same owner and mode be all that the old one is? Not for one that has other names,
// or no name at all any more, or an access control list, of which its mode tells only half.
bool is_replaceable(const fs::path& target, const Status& old) {
  const std::optional<Status> named = status_of(target);
  return named && same_file(*named, old) && S_ISREG(old.st_mode) && old.st_nlink == 1 &&
         getxattr(target.c_str(), "system.posix_acl_access", nullptr, 0) <= 0;
}

// Where a link leads, and a link there; the last one may lead to a file that is still to be made.
fs::path followed(fs::path file) {
  std::error_code code;
  for (int links = 0; links < 40 && fs::is_symlink(fs::symlink_status(file, code)); ++links)
    file = file.parent_path() / fs::read_symlink(file, code);
  return file;
}

// The descriptor by which the program's caller gave us this very file, by any name (/dev/stdout,
// /proc/self/fd/3, its own), -1 where there is none. What is written there follows what stands there already,
// and what the caller writes next follows that.
int inherited(const Status& status) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/fd", ignored)) {
    const int descriptor = number_from_text<int>(entry.path().filename().string()).value_or(-1);
    Status other;
    const bool is_ours = fcntl(descriptor, F_GETFD) & FD_CLOEXEC;
    const bool is_read_only = (fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDONLY;
    if (!is_ours && !is_read_only && fstat(descriptor, &other) == 0 && same_file(status, other))
      return descriptor;
  }
  return -1;
}

// What can be known before anything is written.
int obstacle(const fs::path& file) {
  Status old;
  const int code = stat(file.c_str(), &old) == 0 ? 0 : errno;
  if (code == 0 && S_ISDIR(old.st_mode)) return EISDIR;
  if (code != 0 && code != ENOENT) return code;
  const fs::path asked = code == 0 ? file : folder_of(followed(file));
  return access(asked.c_str(), W_OK) == 0 ? 0 : errno;
}

int write_behind_output(int descriptor, std::string_view content) {
  flush_out();  // what was printed comes first, should it go to the same file
  return write_all(descriptor, content);
}

int write_to(const fs::path& file, std::string_view content) {
  const std::optional<Status> old = status_of(file);
  if (const int descriptor = old ? inherited(*old) : -1; descriptor >= 0)
    return write_behind_output(descriptor, content);
  if (const int code = obstacle(file)) return code;
  const fs::path target = followed(file);
  if (old && !is_replaceable(target, *old)) return write_in_place(file, content);
  const int code = write_beside(target, old, content);
  return old && forbids_replacing(code) ? write_in_place(file, content) : code;
}

}  // namespace

void write_file(const fs::path& file, const std::string& content) {
  if (file == "-") {
    write_out(content);
    return flush_out();
  }
  if (const int code = write_to(file, content)) refuse(file, code);
}

void check_can_write(const fs::path& file) {
  const std::optional<Status> old = status_of(file);
  if (file == "-" || (old && inherited(*old) >= 0)) return;
  if (const int code = obstacle(file)) refuse(file, code);
}

bool is_standard_output(const fs::path& file) {
  const std::optional<Status> status = status_of(file);
  Status out;
  return file == "-" || (status && fstat(STDOUT_FILENO, &out) == 0 && same_file(*status, out));
}

}  // namespace warpfinch
