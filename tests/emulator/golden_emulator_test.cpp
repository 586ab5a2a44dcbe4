// Every golden kernel's config, on its problem shrunk to what the config needs: no hazard, right results. The
// pairs are read from the golden files, whose first two lines say problem and config, so that none is
// forgotten.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "runtime/accuracy.hpp"
#include "runtime/run_once.hpp"
#include "tests/emulator/emulated.hpp"
#include "tuner/shrink.hpp"

namespace warpfinch::emulator {
namespace {

namespace fs = std::filesystem;

struct Golden {
  std::string name, problem, config;
};
void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.problem << " / " << golden.config; }

// "text" of "// text".
std::string comment(std::istream& stream) {
  std::string line;
  std::getline(stream, line);
  return line.substr(std::min<size_t>(line.size(), 3));
}

// A plan of several kernels has a file for each ("three_kernel.0.cu") and is one golden.
std::vector<Golden> goldens() {
  std::map<std::string, Golden> by_name;
  for (const auto& entry :
       fs::directory_iterator(fs::path(WARPFINCH_SOURCE_DIR) / "tests/generator/golden")) {
    if (entry.path().extension() != ".cu") continue;
    const std::string file = entry.path().filename().string();
    std::ifstream stream(entry.path());
    Golden golden{.name = file.substr(0, file.find('.')), .problem = comment(stream), .config = {}};
    golden.config = comment(stream);
    by_name[golden.name] = golden;
  }
  std::vector<Golden> all;
  for (auto& [name, golden] : by_name) all.push_back(std::move(golden));
  return all;
}

class GoldenEmulator : public testing::TestWithParam<Golden> {};

TEST_P(GoldenEmulator, runs_without_hazard_and_right) {
  const Problem whole = parse_problem(GetParam().problem);
  const Config config = parse_config(GetParam().config, whole);
  const Problem problem = shrink(whole, config, target_by_name("sm_90a"));
  expect_right(to_text(problem), GetParam().config);
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenEmulator, testing::ValuesIn(goldens()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace warpfinch::emulator
