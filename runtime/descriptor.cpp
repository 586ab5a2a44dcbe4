#include "runtime/descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "generator/result.hpp"

namespace warpfinch {

void Descriptor::close() {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

Descriptor open_file(const std::string& path, int flags, int mode) {
  Descriptor file(open(path.c_str(), flags | O_CLOEXEC, mode));
  if (file.number() < 0) fail_environment(fmt::format("{}: {}", path, std::strerror(errno)));
  return file;
}

Ends pipe_to_us() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    fail_environment(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Ends socket_to_them() {
  std::array<int, 2> ends;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    fail_environment(fmt::format("cannot make a socket: {}", std::strerror(errno)));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace warpfinch
