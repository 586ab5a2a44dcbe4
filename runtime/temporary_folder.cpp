#include "runtime/temporary_folder.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "generator/result.hpp"

namespace warpfinch {

std::filesystem::path temporary_folder() {
  std::error_code code;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(code);
  if (!code) return folder;
  const char* named = std::getenv("TMPDIR");
  const std::string which = named ? fmt::format("TMPDIR is '{}'", named) : "/tmp";
  fail_environment(fmt::format("no folder for temporary files: {}: {}", which, code.message()));
}

}  // namespace warpfinch
