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

// Operands of the kinds that the op's row allows, place by place.
std::vector<std::vector<std::string>> choices_of(const ir::OpInfo& op) {
  static const std::pair<unsigned, const char*> kOperands[] = {
      {ir::kTile, "%x"},
      {ir::kTile, "%z"},
      {ir::kRows, "%r"},
      {ir::kRows, "%s"},
      {ir::kColumns, "%c"},
      {ir::kColumns, "%d"},
      {ir::kNumber | ir::kIndex | ir::kRowIndex, "3"},
      {ir::kNumber, "0.5"},
      {ir::kIndex | ir::kRowIndex, "n"},
      {ir::kGlobal | ir::kRowPlace, "@x[m, n]"}};
  std::vector<std::vector<std::string>> choices;
  for (const ir::OperandInfo& operand : op.operands) {
    choices.emplace_back();
    for (const auto& [kinds, text] : kOperands)
      if (kinds & operand.kinds) choices.back().push_back(text);
  }
  return choices;
}

// The op with every choice of operands. One of many operands would have thousands: it is written with every
// choice for one operand at a time, the others being their first.
std::vector<std::string> spell_choices(const ir::OpInfo& op) {
  const auto choices = choices_of(op);
  std::vector<std::vector<std::string>> lists = {{}};
  const bool all = op.operands.size() <= 4;
  for (size_t i = 0; i < choices.size(); ++i) {
    const size_t shorter = lists.size();
    for (size_t k = 0; k < shorter; ++k)
      for (size_t choice = 1; choice < choices[i].size() && (all || k == 0); ++choice) {
        lists.push_back(lists[k]);
        lists.back().push_back(choices[i][choice]);
      }
    for (size_t k = 0; k < shorter; ++k) lists[k].push_back(choices[i][0]);
  }
  std::vector<std::string> lines;
  for (const auto& list : lists) lines.push_back(fmt::format("{} {}", op.name, fmt::join(list, ", ")));
  return lines;
}

TEST(EveryArithmeticOp, compiles_with_every_choice_of_operands_that_the_verifier_accepts) {
  for (const std::string layout : {"", " layout=vector"}) {
    std::string accepted;
    for (const ir::OpInfo& op : ir::ops()) {
      if (op.group != ir::Group::arithmetic || op.name == "redo")
        continue;  // redo needs a producer: see goldens
      const size_t before = accepted.size();
      for (const std::string& line : spell_choices(op))
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

TEST(GeneratorReadme, names_every_example) {
  const std::string text = content(kSource / "generator/README.md");
  EXPECT_NE(text.find("examples/"), std::string::npos);
  EXPECT_GE(programs_in(kSource / "generator/examples").size(), 3u);
}

}  // namespace
}  // namespace warpfinch
