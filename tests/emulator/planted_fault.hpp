// A host compiler that plants a fault into every kernel it gets, for tests of what becomes of hazards: the
// library itself emits none.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {

class PlantedFault {
 public:
  // Both without what sed takes for more than the text itself.
  PlantedFault(const std::string& right, const std::string& wrong) {
    const std::filesystem::path script = folder_.path() / "c++";
    if (const char* before = std::getenv("CXX")) before_ = before;
    // Its version is its own, so that no cache takes its objects for those of the compiler behind it.
    std::ofstream(script) << fmt::format(
        "#!/bin/sh\nfor last; do :; done\ncase \"$last\" in\n"
        "  *.cpp) sed -i 's/{0}/{1}/' \"$last\" ;;\n  --version) echo 'with a fault: {0} {1}' ;;\nesac\n"
        "exec {2} \"$@\"\n",
        right, wrong, before_.value_or("c++"));
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    setenv("CXX", script.c_str(), 1);
  }
  ~PlantedFault() { before_ ? setenv("CXX", before_->c_str(), 1) : unsetenv("CXX"); }
  PlantedFault(const PlantedFault&) = delete;
  PlantedFault& operator=(const PlantedFault&) = delete;

 private:
  TemporaryFolder folder_;
  std::optional<std::string> before_;
};

}  // namespace warpfinch
