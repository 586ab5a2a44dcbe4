// The programs that users begin with, on tensors shrunk to a few tiles: no hazard under any schedule, and
// every element of the output written.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

namespace fs = std::filesystem;

using Replacements = std::vector<std::pair<std::string, std::string>>;
// In this order; each has to occur.
const std::map<std::string, Replacements> kSmaller = {
    {"attention_softcap.tir",
     {{"[2, 8, 1024, 64]", "[1, 2, 256, 64]"},
      {"0 .. 2, h in 0 .. 8", "0 .. 1, h in 0 .. 2"},
      {"1024", "256"}}},
    {"gemm_residual.tir", {{"2048", "256"}, {"4096", "128"}, {"1024", "384"}}},
    {"rms_norm.tir", {{"4096", "128"}, {"1024", "512"}}}};

std::string smaller(const fs::path& file) {
  std::ifstream stream(file);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  for (const auto& [large, small] : kSmaller.at(file.filename().string())) replace_all(text, large, small);
  return text;
}

void expect_finite(const HostTensor& tensor) {
  if (!tensor.buffer.output) return;
  int64_t bad = 0;
  for (int64_t i = 0; i < extent(tensor.buffer); ++i) bad += !std::isfinite(load_element(tensor, i));
  EXPECT_EQ(bad, 0) << "elements of " << tensor.buffer.name;
}

TEST(EmulatedExamples, run_without_hazard_and_write_everything) {
  for (const auto& entry : fs::directory_iterator(fs::path(WARPFINCH_SOURCE_DIR) / "generator/examples")) {
    SCOPED_TRACE(entry.path().filename());
    const auto plan = generate_program(smaller(entry.path()), target_by_name("sm_90a"));
    ASSERT_TRUE(plan) << plan.rejection().reason;
    const auto kernels = kernels_of(*plan);
    for (uint64_t seed = 0; seed < 3; ++seed) {
      std::vector<HostTensor> tensors = workload(plan->buffers, 1);
      const Report report = run_plan(kernels, *plan, tensors, {.schedule_seed = seed});
      EXPECT_TRUE(report.clean()) << text_of(report);
      for (const HostTensor& tensor : tensors) expect_finite(tensor);
    }
  }
}

}  // namespace
}  // namespace warpfinch::emulator
