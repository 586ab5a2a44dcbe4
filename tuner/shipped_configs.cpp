#include "tuner/shipped_configs.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "runtime/log.hpp"
#include "runtime/own_file.hpp"

namespace warpfinch {
namespace {

// From bin, lib or lib/x86_64-linux-gnu to the prefix, from build/bin to the source tree.
constexpr int kLevels = 3;
constexpr const char* kPlace = "warpfinch/configs";

bool is_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

std::filesystem::path beside_own_file() {
  std::filesystem::path folder = own_file().parent_path();
  for (int level = 0; level < kLevels && !folder.empty(); ++level, folder = folder.parent_path())
    for (const auto& place : {folder / "share" / kPlace, folder / "tuner/configs"})
      if (is_folder(place)) return place;
  return {};
}

std::filesystem::path in_data_folders() {
  const char* variable = std::getenv("XDG_DATA_DIRS");
  std::istringstream folders(variable && *variable ? variable : "/usr/local/share:/usr/share");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const auto place = std::filesystem::path(folder) / kPlace; place.is_absolute() && is_folder(place))
      return place;  // the specification has no relative ones
  return {};
}

std::vector<std::filesystem::path> json_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code))
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void add_file(ConfigDatabase& database, const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream && !stream.eof()) return logger()->warn("shipped configs {}: cannot be read", file.string());
  try {
    database.import_json(text);
  } catch (const Error& error) {
    logger()->warn("shipped configs {}: {}", file.string(), error.what());
  }
}

}  // namespace

std::filesystem::path shipped_folder() {
  if (const char* variable = std::getenv("WARPFINCH_CONFIGS")) return variable;
  const std::filesystem::path beside = beside_own_file();
  return beside.empty() ? in_data_folders() : beside;
}

std::optional<ConfigDatabase> read_shipped(const std::filesystem::path& folder) {
  if (folder.empty()) return std::nullopt;
  const std::vector<std::filesystem::path> files = json_files(folder);
  if (files.empty()) return std::nullopt;
  ConfigDatabase database = ConfigDatabase::in_memory();
  for (const std::filesystem::path& file : files) add_file(database, file);
  return database;
}

}  // namespace warpfinch
