// Every golden kernel's config, on its problem shrunk to what the config needs: no hazard, right results. The
// list is that of the golden files, so that none is forgotten.
#include <gtest/gtest.h>

#include "generator/shrink.hpp"
#include "runtime/accuracy.hpp"
#include "runtime/run_once.hpp"
#include "tests/emulator/emulated.hpp"
#include "tests/generator/goldens.hpp"

namespace warpfinch::emulator {
namespace {

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
