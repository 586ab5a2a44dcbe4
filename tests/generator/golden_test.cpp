// Golden files: the scheduled program of a few pairs over all operations in full, and some of their kernels,
// each file a test of its own. After a change that is meant, the line that a failure ends with writes the
// file anew; WARPFINCH_BLESS=1 without a filter writes all. The diff is reviewed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "generator/config_page.hpp"
#include "generator/problem_page.hpp"
#include "tests/generator/goldens.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(WARPFINCH_SOURCE_DIR) / "tests/generator/golden";
constexpr size_t kLinesShown = 8;  // of each side

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The lines from `first` on that are not among the last `same` ones, each behind the sign.
std::string marked(char sign, const std::vector<std::string>& lines, size_t first, size_t same) {
  const size_t end = lines.size() - same;
  std::string text;
  for (size_t i = first; i < std::min(end, first + kLinesShown); ++i)
    text += fmt::format("  {} {}\n", sign, lines[i]);
  if (end > first + kLinesShown) text += fmt::format("  {} … {} more\n", sign, end - first - kLinesShown);
  return text;
}

// What stands between the first and the last line that differ.
std::string first_differences(const std::string& golden, const std::string& now) {
  const std::vector<std::string> a = lines_of(golden), b = lines_of(now);
  const auto first =
      static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  size_t same = 0;  // at the end
  while (same < std::min(a.size(), b.size()) - first && a[a.size() - 1 - same] == b[b.size() - 1 - same])
    ++same;
  return fmt::format("line {}:\n", first + 1) + marked('-', a, first, same) + marked('+', b, first, same);
}

// The line to paste that runs this test and writes its file.
std::string line_that_blesses() {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  return fmt::format("WARPFINCH_BLESS=1 {}/tests/generator_tests --gtest_filter={}.{}", WARPFINCH_BINARY_DIR,
                     test.test_suite_name(), test.name());
}

void expect_golden(const fs::path& file, const std::string& text) {
  if (std::getenv("WARPFINCH_BLESS")) {
    std::ofstream(file, std::ios::binary) << text;
    return;
  }
  ASSERT_TRUE(fs::exists(file)) << file.string() << " is missing; where it is meant to be:\n"
                                << line_that_blesses();
  const std::string golden = content(file);
  EXPECT_TRUE(golden == text) << file.string() << ":\n"
                              << first_differences(golden, text) << "Where that is meant:\n"
                              << line_that_blesses();
}

TEST(Goldens, the_page_of_problems_is_what_the_program_prints) {
  expect_golden(fs::path(WARPFINCH_SOURCE_DIR) / "tuner/api/warpfinch/PROBLEMS.md", problem_page());
}

TEST(Goldens, the_page_of_configs_is_printed_from_the_rows_of_genes) {
  expect_golden(fs::path(WARPFINCH_SOURCE_DIR) / "generator/CONFIGS.md", config_page());
}

// --- one test per file ------------------------------------------------------------------------------------
struct GoldenFile {
  std::string name;
  const Golden* golden;
  int kernel;
};
void PrintTo(const GoldenFile& file, std::ostream* out) { *out << file.name; }

std::vector<GoldenFile> golden_files() {
  std::vector<GoldenFile> files;
  for (const Golden& golden : goldens())
    for (int i = 0; i < golden.kernels; ++i) {
      files.push_back({kernel_name(golden, i) + ".tir", &golden, i});
      if (golden.kept == Kept::kernel_too) files.push_back({kernel_name(golden, i) + ".cu", &golden, i});
    }
  return files;
}

std::vector<GoldenFile> golden_programs() {
  std::vector<GoldenFile> files = golden_files();
  std::erase_if(files, [](const GoldenFile& file) { return file.name.ends_with(".cu"); });
  return files;
}

std::string test_name(const testing::TestParamInfo<GoldenFile>& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

Launch launch_of(const GoldenFile& file) {
  const Plan plan = plan_of(file.golden->problem, file.golden->config);
  EXPECT_EQ(static_cast<int>(plan.launches.size()), file.golden->kernels) << "goldens.hpp says how many";
  return file.kernel < static_cast<int>(plan.launches.size()) ? plan.launches[file.kernel] : Launch{};
}

class GoldenFiles : public testing::TestWithParam<GoldenFile> {};

TEST_P(GoldenFiles, is_what_the_generator_writes) {
  const Launch launch = launch_of(GetParam());
  expect_golden(kFolder / GetParam().name,
                GetParam().name.ends_with(".tir") ? launch.program : launch.source.kernel);
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenFiles, testing::ValuesIn(golden_files()), test_name);

// What a golden program says is what its kernel is made of, also when a user brings it.
class GoldenPrograms : public testing::TestWithParam<GoldenFile> {};

TEST_P(GoldenPrograms, is_a_program_of_the_same_kernel) {
  const std::string text = content(kFolder / GetParam().name);
  const auto plan = generate_program(text, sm_90a());
  ASSERT_TRUE(plan) << plan.rejection().reason;
  EXPECT_EQ(plan->launches[0].program, text);
  const auto body = [](const std::string& kernel) { return kernel.substr(kernel.find("#include")); };
  EXPECT_EQ(body(plan->launches[0].source.kernel), body(launch_of(GetParam()).source.kernel));
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenPrograms, testing::ValuesIn(golden_programs()), test_name);

// --- the folder -------------------------------------------------------------------------------------------
TEST(Goldens, no_file_is_left_over) {
  std::set<std::string> names;
  for (const GoldenFile& file : golden_files())
    EXPECT_TRUE(names.insert(file.name).second) << file.name << " stands twice in goldens.hpp";
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(names.contains(name))
        << name << " belongs to no golden; to paste:\ngit rm " << entry.path().string();
  }
}

TEST(Goldens, every_operation_shows_a_kernel) {
  std::set<std::string> operations, shown;
  for (const Golden& golden : goldens()) {
    const std::string operation = golden.problem.substr(0, golden.problem.find(' '));
    operations.insert(operation);
    if (golden.kept == Kept::kernel_too) shown.insert(operation);
  }
  EXPECT_EQ(shown, operations);
}

}  // namespace
}  // namespace warpfinch
