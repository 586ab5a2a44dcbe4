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
  EXPECT_TRUE(kernel->resources.warnings.empty()) << kernel->resources.warnings[0];
  EXPECT_FALSE(check_resources(*kernel));
}

// Every head dim in its own width: the accumulators fit and no mma is padded.
class HeadDim : public testing::TestWithParam<int64_t> {};

TEST_P(HeadDim, default_config_neither_spills_nor_serialises) {
  const Problem problem = parse_problem(
      fmt::format("attention_forward q_heads=2 q_len=300 head_dim={} mask=causal lse=true", GetParam()));
  const auto plan = generate(problem, default_config(problem), target_by_name("sm_90a"));
  ASSERT_TRUE(plan) << plan.rejection().reason;
  EXPECT_NE(
      plan->launches[0].source.kernel.find(fmt::format("RegisterTile<float, 64, {}> o_tile", GetParam())),
      std::string::npos);
  expect_good_kernel(plan->launches[0].program);
}

INSTANTIATE_TEST_SUITE_P(Attention, HeadDim, testing::ValuesIn(kHeadDims));

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

// --- what the verifier accepts, the templates have
// ---------------------------------------------------------- A program whose registers hold every kind of
// operand, with these lines in it.
std::string with_lines(const std::string& layout, const std::string& lines) {
  return "kernel every_op target=sm_90a {\n  param @x bf16 [100, 128]\n  param @y bf16 [100, 128] out\n"
         "  param @e fp32 [100] out\n"
         "  register %x fp32 [64, 64]" +
         layout + "\n  register %z fp32 [64, 64]" + layout +
         "\n  register %r fp32 [64] rows\n  register %s fp32 [64] rows\n"
         "  register %c fp32 [64] columns" +
         layout + "\n  register %d fp32 [64] columns" + layout +
         "\n  grid m in 0 .. 100 step 64, n in 0 .. 128 step 64 {\n    load %x, @x[m, n]\n"
         "    load %z, @x[m, n]\n    fill %r, 1\n    fill %s, 0.5\n    fill %c, n\n    fill %d, -inf\n" +
         lines +
         "    multiply %x, %x, %z\n    multiply %x, %x, %c\n    multiply %x, %x, %d\n"
         "    store @y[m, n], %x\n    multiply %r, %r, %s\n    store @e[m], %r\n  }\n}\n";
}

// The op with every choice of operands.
void spell_choices(const ir::OpInfo& op, const std::string& line, size_t i, std::vector<std::string>& lines) {
  static const char* const kOperands[] = {"%x", "%z", "%r", "%s", "%c", "%d", "3", "0.5", "n"};
  if (i == op.operands.size()) return lines.push_back(line);
  for (const char* operand : kOperands) spell_choices(op, line + (i ? ", " : " ") + operand, i + 1, lines);
}

TEST(EveryArithmeticOp, compiles_with_every_choice_of_operands_that_the_verifier_accepts) {
  for (const std::string layout : {"", " layout=vector"}) {
    std::string accepted;
    for (const ir::OpInfo& op : ir::ops()) {
      if (op.group != ir::Group::arithmetic || op.name == "redo")
        continue;  // redo needs a producer: see goldens
      std::vector<std::string> lines;
      spell_choices(op, std::string(op.name), 0, lines);
      const size_t before = accepted.size();
      for (const std::string& line : lines)
        if (generate_program(with_lines(layout, "    " + line + "\n"), target_by_name("sm_90a")))
          accepted += "    " + line + "\n";
      EXPECT_GT(accepted.size(), before) << op.name << " takes no operands at all";
    }
    expect_good_kernel(with_lines(layout, accepted));
  }
}

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
