#include "rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>
#include <regex>
#include <set>

namespace warpfinch::layering {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kRooms{"generator", "runtime", "tuner", "templates", "tools", "tests"};
const std::set<std::string> kThirdParty{"fmt",      "xxhash",     "spdlog",   "yaml-cpp", "CLI",
                                        "nlohmann", "sqlite3",    "Eigen",    "boost",    "gtest",
                                        "gmock",    "rapidcheck", "benchmark"};
const std::set<std::string> kCuda{"cuda",      "nvrtc",     "cuda_runtime",
                                  "cuda_fp16", "cuda_bf16", "cuda_runtime_api"};

// What a room may include beside itself.
struct Room {
  std::set<std::string> rooms;
  std::set<std::string> third_party;
  bool cuda, any;
};
const std::set<std::string> kGeneratorOnly{"fmt", "xxhash"};

const Room& room(const std::string& name) {
  static const Room kGenerator{{}, kGeneratorOnly, false, false};
  static const Room kRuntime{{"generator"}, kThirdParty, true, false};
  static const Room kTuner{{"generator", "runtime", "warpfinch"}, kThirdParty, false, false};
  static const Room kAll{{}, {}, false, true};
  return name == "generator" ? kGenerator : name == "runtime" ? kRuntime : name == "tuner" ? kTuner : kAll;
}

// Golden files are written by the generator.
bool is_source(const fs::path& file) {
  if (file.parent_path().filename() == "golden") return false;
  const std::string extension = file.extension().string();
  for (const char* known : {".hpp", ".cpp", ".h", ".cuh", ".cu", ".c"})
    if (extension == known) return true;
  return false;
}

// "generator" of "generator/ir/ops.hpp", "fmt" of "fmt/format.h", "cuda" of "cuda.h".
std::string first_part(std::string_view header) {
  const size_t slash = header.find('/');
  if (slash != std::string_view::npos) return std::string(header.substr(0, slash));
  return std::string(header.substr(0, header.find('.')));
}

// The header of an #include line.
std::optional<std::string> included(std::string_view line) {
  const size_t hash = line.find_first_not_of(" \t");
  if (hash == std::string_view::npos || line[hash] != '#') return std::nullopt;
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t", hash + 1)));
  if (!line.starts_with("include")) return std::nullopt;
  const size_t open = line.find_first_of("<\"");
  if (open == std::string_view::npos) return std::nullopt;
  const size_t close = line.find_first_of(">\"", open + 1);
  return std::string(line.substr(open + 1, close - open - 1));
}

bool is_room(const std::string& name) {
  return std::find(kRooms.begin(), kRooms.end(), name) != kRooms.end();
}

// Why the file's room may not include that header. A name that is no room, no known library and no CUDA
// header is taken for the standard library's.
std::optional<std::string> complaint(const std::string& own, const std::string& header) {
  const std::string part = first_part(header);
  if (own == "templates") {
    if (header.ends_with(".cuh") || kCuda.contains(part)) return std::nullopt;
    return fmt::format("templates/ includes device headers only, not {}", header);
  }
  const Room& rules = room(own);
  if (rules.any || part == own || rules.rooms.contains(part)) return std::nullopt;
  if (is_room(part) || part == "warpfinch") return fmt::format("{}/ may not include {}", own, header);
  if (kCuda.contains(part) && !rules.cuda) return fmt::format("only runtime/ sees {}", header);
  if (kThirdParty.contains(part) && !rules.third_party.contains(part))
    return fmt::format("{}/ may not use {}", own, header);
  return std::nullopt;
}

// Calls visit(path relative to root, line number, line) for every line of the rooms' sources.
using LineVisitor = std::function<void(const fs::path&, int, const std::string&)>;
void for_each_line(const fs::path& root, const LineVisitor& visit) {
  for (const std::string& name : kRooms) {
    if (!fs::exists(root / name)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / name)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      std::ifstream stream(entry.path());
      std::string line;
      for (int number = 1; std::getline(stream, line); ++number)
        visit(entry.path().lexically_relative(root), number, line);
    }
  }
}

// Columns, not bytes: continuation bytes of UTF-8 take none.
size_t columns(const std::string& line) {
  return static_cast<size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Folders that .gitignore keeps out, such as the build's.
std::set<std::string> ignored_at_top(const fs::path& root) {
  std::set<std::string> names;
  std::ifstream stream(root / ".gitignore");
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with('/')) line.erase(0, 1);
    if (line.ends_with('/')) line.pop_back();
    names.insert(line);
  }
  return names;
}

}  // namespace

std::vector<std::string> include_violations(const fs::path& root) {
  std::vector<std::string> found;
  for_each_line(root, [&](const fs::path& file, int number, const std::string& line) {
    const std::optional<std::string> header = included(line);
    if (!header) return;
    if (const auto why = complaint(file.begin()->string(), *header))
      found.push_back(fmt::format("{}:{}: {}", file.string(), number, *why));
  });
  return found;
}

std::vector<std::string> top_level_violations(const fs::path& root) {
  const std::set<std::string> files{"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE"};
  const std::set<std::string> ignored = ignored_at_top(root);
  std::vector<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || ignored.contains(name)) continue;
    if (entry.is_directory() ? !is_room(name) : !files.contains(name))
      found.push_back(fmt::format("{}: does not belong at the top level", name));
  }
  return found;
}

std::vector<std::string> line_violations(const fs::path& root) {
  constexpr size_t kLimit = 110;
  std::vector<std::string> found;
  for_each_line(root, [&](const fs::path& file, int number, const std::string& line) {
    if (columns(line) > kLimit)
      found.push_back(
          fmt::format("{}:{}: {} columns, the limit is {}", file.string(), number, columns(line), kLimit));
    if (line.find('\t') != std::string::npos)
      found.push_back(fmt::format("{}:{}: a tab", file.string(), number));
  });
  return found;
}

std::vector<std::string> locale_violations(const fs::path& root) {
  // Numbers from text, numbers to text, classes of characters.
  static const std::regex kCalls(
      R"(\b(sto(i|l|ll|ul|ull|f|d|ld)|ato(i|l|ll|f)|strto(l|ll|ul|ull|f|d|ld)|v?f?s?scanf|)"
      R"(to_string|setprecision|setlocale|to(lower|upper)|)"
      R"(is(alnum|alpha|digit|space|xdigit|print|punct|upper|lower))\()");
  std::vector<std::string> found;
  for_each_line(root, [&](const fs::path& file, int number, const std::string& line) {
    std::smatch call;
    const std::string code = line.substr(0, line.find("//"));
    if (*file.begin() == "tests" || !std::regex_search(code, call, kCalls)) return;
    found.push_back(fmt::format("{}:{}: {} follows the locale of the process: generator/text.hpp does not",
                                file.string(), number, call.str(1)));
  });
  return found;
}

}  // namespace warpfinch::layering
