#include "tools/files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

#include "generator/result.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_write(const fs::path& file, int code) {
  const std::string message = fmt::format("cannot write {}: {}", file.string(), std::strerror(code));
  if (code == ENOENT || code == ENOTDIR || code == EISDIR) fail_input(message);
  fail_environment(message);
}

// 0, or the errno of what failed.
int write_whole(const fs::path& file, const std::string& content) {
  std::FILE* stream = std::fopen(file.c_str(), "wb");
  if (!stream) return errno;
  int code = std::fwrite(content.data(), 1, content.size(), stream) == content.size() ? 0 : errno;
  if (std::fclose(stream) != 0 && code == 0) code = errno;
  return code;
}

void write_aside(const fs::path& file, const std::string& content) {
  fs::path aside = file;
  aside += fmt::format(".{}.partial", getpid());
  int code = write_whole(aside, content);
  if (code == 0 && std::rename(aside.c_str(), file.c_str()) != 0) code = errno;
  if (code == 0) return;
  std::error_code ignored;
  fs::remove(aside, ignored);
  fail_write(file, code);
}

}  // namespace

std::string read_file(const fs::path& file) {
  std::error_code code;
  if (fs::is_directory(file, code)) fail_input(fmt::format("cannot read {}: it is a folder", file.string()));
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail_input(fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const fs::path& file, const std::string& content) {
  if (file == "-") {
    std::fwrite(content.data(), 1, content.size(), stdout);
    return;
  }
  std::error_code ignored;
  const fs::file_status status = fs::status(file, ignored);
  if (!fs::exists(status) || fs::is_regular_file(status)) return write_aside(file, content);
  if (const int code = write_whole(file, content)) fail_write(file, code);
}

int64_t parse_bytes(const std::string& text, const std::string& option) {
  int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix(end, text.data() + text.size() - end);
  const size_t place = std::string_view("KMG").find(suffix);
  const bool known = suffix.empty() || (suffix.size() == 1 && place != std::string_view::npos);
  const size_t power = suffix.empty() || !known ? 0 : place + 1;
  if (code != std::errc() || number < 0 || !known || number > (int64_t{1} << 62 >> (10 * power)))
    fail_input(fmt::format("{} {}: not a size; right: 0, 4096, 512M, 2G", option, text));
  return number << (10 * power);
}

}  // namespace warpfinch
