#include "runtime/whole_file.hpp"

#include <unistd.h>

#include <cerrno>

namespace warpfinch {

std::optional<std::string> read_whole(const Descriptor& file) {
  std::string bytes;
  char block[1 << 16];
  for (ssize_t count; (count = read(file.number(), block, sizeof block)) != 0;) {
    if (count > 0) bytes.append(block, static_cast<size_t>(count));
    if (count < 0 && errno != EINTR) return std::nullopt;
  }
  return bytes;
}

bool write_whole(const Descriptor& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(file.number(), bytes.data(), bytes.size());
    if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
    if (count < 0 && errno != EINTR) return false;
  }
  return true;
}

}  // namespace warpfinch
