#include "tools/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "generator/result.hpp"

namespace warpfinch {
namespace {

// A device that never ends (/dev/zero) must not fill the memory. Exports of a database are the largest texts.
constexpr size_t kMostBytes = size_t{1} << 30;

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& why) {
  fail_input(fmt::format("cannot read {}: {}", input_name(file), why));
}

std::string read_all(int descriptor, const std::filesystem::path& file) {
  std::string content;
  char block[1 << 16];
  for (ssize_t count; (count = read(descriptor, block, sizeof block)) != 0;) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse(file, std::strerror(errno));
    if (content.size() + static_cast<size_t>(count) > kMostBytes)
      refuse(file, fmt::format("it is longer than {} GiB", kMostBytes >> 30));
    content.append(block, static_cast<size_t>(count));
  }
  return content;
}

}  // namespace

std::string input_name(const std::filesystem::path& file) {
  return file == "-" ? "standard input" : file.string();
}

std::string read_file(const std::filesystem::path& file) {
  if (file == "-") return read_all(STDIN_FILENO, file);
  struct Opened {
    int descriptor;
    ~Opened() {
      if (descriptor >= 0) close(descriptor);
    }
  } const opened{open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)};
  if (opened.descriptor < 0) refuse(file, std::strerror(errno));
  return read_all(opened.descriptor, file);
}

int64_t parse_bytes(const std::string& text, const std::string& option) {
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix(end, text.data() + text.size() - end);
  const size_t place = std::string_view("KMG").find(suffix);
  const bool known = suffix.empty() || (suffix.size() == 1 && place != std::string_view::npos);
  const size_t power = suffix.empty() || !known ? 0 : place + 1;
  if (code != std::errc() || number < 0 || !known || number > (int64_t{1} << 62 >> (10 * power)))
    fail_input(fmt::format("{} {}: not a size; right: 0, 4096, 512M, 2G", option, excerpt(text)));
  return number << (10 * power);
}

}  // namespace warpfinch
