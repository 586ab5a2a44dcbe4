#include "tools/output.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "generator/result.hpp"

namespace warpfinch {
namespace {

[[noreturn]] void fail_out(int code) {
  fail_environment(fmt::format("standard output cannot be written: {}", std::strerror(code)));
}

}  // namespace

void hold_standard_streams() {
  // Opened the wrong way round, so that a closed stream still tells its user that it is closed.
  constexpr int kModes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
  for (int stream = 0; stream < 3; ++stream)
    if (fcntl(stream, F_GETFD) < 0)
      open("/dev/null", kModes[stream]);  // gets the lowest free number: this one
}

void write_out(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail_out(errno);
}

void flush_out() {
  if (std::fflush(stdout) != 0) fail_out(errno);
  if (std::ferror(stdout)) fail_out(EIO);  // the library that prints --help does not tell what failed
}

void print_error(std::string_view text) noexcept {
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

bool errors_lost() noexcept { return std::ferror(stderr) != 0; }

}  // namespace warpfinch
