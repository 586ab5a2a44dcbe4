// The source tree keeps the house's rules; and the rules find what breaks them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "rules.hpp"

namespace warpfinch::layering {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// One violation per line, so that a long list stays readable.
std::string lines(const std::vector<std::string>& violations) {
  std::string text;
  for (const std::string& violation : violations) text += violation + "\n";
  return text;
}

TEST(SourceTree, EachRoomIncludesOnlyWhatItMay) {
  EXPECT_EQ(lines(include_violations(WARPFINCH_SOURCE_DIR)), "");
}
TEST(SourceTree, NothingElseAtTheTop) { EXPECT_EQ(lines(top_level_violations(WARPFINCH_SOURCE_DIR)), ""); }
TEST(SourceTree, NoNumberFollowsALocale) { EXPECT_EQ(lines(locale_violations(WARPFINCH_SOURCE_DIR)), ""); }
TEST(SourceTree, LinesFit) { EXPECT_EQ(lines(line_violations(WARPFINCH_SOURCE_DIR)), ""); }

// A small tree with one file, written anew for each question.
class Rules : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  std::vector<std::string> includes(const std::string& name, const std::string& text) {
    write(name, text);
    std::vector<std::string> found = include_violations(root_);
    std::filesystem::remove(root_ / name);
    return found;
  }
  std::filesystem::path root_;
};

TEST_F(Rules, FindForbiddenIncludes) {
  EXPECT_THAT(includes("generator/a.cpp", "\n#include \"runtime/device.hpp\"\n"),
              ElementsAre("generator/a.cpp:2: generator/ may not include runtime/device.hpp"));
  EXPECT_THAT(includes("generator/ir/a.hpp", "#  include <cuda.h>\n"),
              ElementsAre("generator/ir/a.hpp:1: only runtime/ sees cuda.h"));
  EXPECT_THAT(includes("generator/a.cpp", "#include <spdlog/spdlog.h>\n"),
              ElementsAre("generator/a.cpp:1: generator/ may not use spdlog/spdlog.h"));
  EXPECT_THAT(includes("runtime/a.cpp", "#include \"tuner/tune.hpp\"\n"),
              ElementsAre("runtime/a.cpp:1: runtime/ may not include tuner/tune.hpp"));
  EXPECT_THAT(includes("runtime/a.cpp", "#include <warpfinch/warpfinch.h>\n"),
              ElementsAre("runtime/a.cpp:1: runtime/ may not include warpfinch/warpfinch.h"));
  EXPECT_THAT(includes("tuner/a.cpp", "#include <nvrtc.h>\n"),
              ElementsAre("tuner/a.cpp:1: only runtime/ sees nvrtc.h"));
  EXPECT_THAT(includes("tuner/a.cpp", "#include \"tools/files.hpp\"\n"),
              ElementsAre("tuner/a.cpp:1: tuner/ may not include tools/files.hpp"));
  EXPECT_THAT(includes("templates/sm90/a.cuh", "#include <vector>\n"),
              ElementsAre("templates/sm90/a.cuh:1: templates/ includes device headers only, not vector"));
}

TEST_F(Rules, AllowWhatIsAllowed) {
  EXPECT_THAT(includes("generator/a.cpp",
                       "#include <vector>\n#include <fmt/format.h>\n#include <xxhash.h>\n"
                       "#include \"generator/ir/ops.hpp\"\n// #include \"tuner/tune.hpp\"\n"),
              IsEmpty());
  EXPECT_THAT(includes("runtime/a.cpp", "#include <cuda.h>\n#include \"generator/plan.hpp\"\n"), IsEmpty());
  EXPECT_THAT(
      includes("tuner/api/a.cpp", "#include \"runtime/device.hpp\"\n#include \"warpfinch/warpfinch.h\"\n"),
      IsEmpty());
  EXPECT_THAT(includes("templates/sm90/a.cuh", "#include \"sm90/ptx.cuh\"\n"), IsEmpty());
  EXPECT_THAT(includes("tests/runtime/a.cpp", "#include \"tuner/tune.hpp\"\n"), IsEmpty());
}

TEST_F(Rules, FindStrangersAtTheTop) {
  for (const char* file : {"README.md", ".clang-format", "generator/a.cpp", "build/junk", "CMakeLists.txt"})
    write(file, "");
  write(".gitignore", "/build/\n");
  EXPECT_THAT(top_level_violations(root_), IsEmpty());
  write("notes.txt", "");
  write("lib/a.cpp", "");
  EXPECT_THAT(top_level_violations(root_),
              testing::UnorderedElementsAre("notes.txt: does not belong at the top level",
                                            "lib: does not belong at the top level"));
}

TEST_F(Rules, FindLongLines) {
  std::string fits;
  for (int i = 0; i < 110; ++i) fits += "é";  // two bytes, one column
  write("generator/a.cpp", fits + "\n" + fits + "!\n");
  EXPECT_THAT(line_violations(root_), ElementsAre("generator/a.cpp:2: 111 columns, the limit is 110"));
}

TEST_F(Rules, FindCallsThatFollowALocale) {
  const std::string follows = " follows the locale of the process: generator/text.hpp does not";
  write("generator/a.cpp",
        "double a = std::stod(text);  // not std::atof(text)\n"
        "double b = number_from_text<double>(text).value_or(0);\n"
        "long c = strtol(text, nullptr, 10);\n"
        "std::string d = std::to_string(0.5);\n"
        "bool e = std::isalnum(text[0]);\n");
  write("tests/runtime/a.cpp", "double a = std::stod(text);\n");
  EXPECT_THAT(locale_violations(root_),
              ElementsAre("generator/a.cpp:1: stod" + follows, "generator/a.cpp:3: strtol" + follows,
                          "generator/a.cpp:4: to_string" + follows, "generator/a.cpp:5: isalnum" + follows));
}

}  // namespace
}  // namespace warpfinch::layering
