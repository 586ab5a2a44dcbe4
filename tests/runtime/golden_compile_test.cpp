// What the generator writes, through the real compiler: golden kernels without spills and advisories, example
// programs, and the program in the generator's README. No GPU is needed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "generator/generate.hpp"
#include "generator/ir/ops.hpp"
#include "runtime/compiler.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = WARPFINCH_SOURCE_DIR;

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<fs::path> programs_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tir") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// The blocks of a Markdown text that are fenced as ```tir.
std::vector<std::string> fenced_programs(const std::string& text) {
  const std::string fence = "```tir\n";
  std::vector<std::string> blocks;
  for (size_t at = 0; (at = text.find(fence, at)) != std::string::npos;) {
    at += fence.size();
    const size_t end = text.find("\n```", at);
    blocks.push_back(text.substr(at, end + 1 - at));
    at = end;
  }
  return blocks;
}

// Compiles the program's kernel; nothing where NVRTC is missing.
void expect_good_kernel(const std::string& program) {
  const auto plan = generate_program(program, target_by_name("sm_90a"));
  ASSERT_TRUE(plan) << plan.rejection().stage << ": " << plan.rejection().reason;
  std::string why;
  if (nvrtc_version(&why).empty()) GTEST_SKIP() << "skipped: " << why;
  TemporaryFolder folder;
  KernelCache cache(folder.path());
  const auto kernel = compile(plan->launches[0].source, cache);
  ASSERT_TRUE(kernel) << kernel.rejection().reason;
  EXPECT_EQ(kernel->resources.spill_stores, 0);
  EXPECT_EQ(kernel->resources.spill_loads, 0);
  EXPECT_TRUE(kernel->resources.warnings.empty()) << kernel->resources.warnings[0];
  EXPECT_FALSE(check_resources(*kernel));
}

class CompiledProgram : public testing::TestWithParam<fs::path> {};

TEST_P(CompiledProgram, neither_spills_nor_serialises) { expect_good_kernel(content(GetParam())); }

std::string test_name(const testing::TestParamInfo<fs::path>& info) {
  std::string name = info.param.stem().string();
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Goldens, CompiledProgram,
                         testing::ValuesIn(programs_in(kSource / "tests/generator/golden")), test_name);
INSTANTIATE_TEST_SUITE_P(Examples, CompiledProgram,
                         testing::ValuesIn(programs_in(kSource / "generator/examples")), test_name);

TEST(GeneratorReadme, its_programs_compile) {
  const std::vector<std::string> programs = fenced_programs(content(kSource / "generator/README.md"));
  ASSERT_FALSE(programs.empty());
  for (const std::string& program : programs) expect_good_kernel(program);
}

TEST(GeneratorReadme, explains_every_op_with_its_attributes) {
  const std::string text = content(kSource / "generator/README.md");
  for (const ir::OpInfo& op : ir::ops()) {
    const size_t row = text.find("| `" + std::string(op.name) + "` |");
    ASSERT_NE(row, std::string::npos) << op.name << " has no row";
    const std::string line = text.substr(row, text.find('\n', row) - row);
    for (std::string_view attribute : op.attributes)
      EXPECT_NE(line.find(attribute), std::string::npos) << op.name << " may carry " << attribute;
  }
}

TEST(GeneratorReadme, names_every_example) {
  const std::string text = content(kSource / "generator/README.md");
  EXPECT_NE(text.find("examples/"), std::string::npos);
  EXPECT_GE(programs_in(kSource / "generator/examples").size(), 3u);
}

}  // namespace
}  // namespace warpfinch
