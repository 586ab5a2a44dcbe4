#include "runtime/user_folder.hpp"

#include <cstdlib>

namespace warpfinch {
namespace {

std::filesystem::path absolute_path(const char* variable) {
  const char* value = std::getenv(variable);
  const std::filesystem::path path = value ? value : "";
  return path.is_absolute() ? path : std::filesystem::path();
}

}  // namespace

std::filesystem::path user_folder(const char* variable, const char* below_home) {
  if (const std::filesystem::path named = absolute_path(variable); !named.empty()) return named;
  const std::filesystem::path home = absolute_path("HOME");
  return home.empty() ? home : home / below_home;
}

}  // namespace warpfinch
