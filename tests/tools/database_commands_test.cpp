// `database` with rows from elsewhere: odd, hostile, old, to be forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::string row(const std::string& problem, const std::string& device, const std::string& config = "c") {
  return R"({"problem":")" + problem + R"(","config":")" + config +
         R"(","digest":"d","outcome":"rejected","stage":"x","reason":"y","device":")" + device +
         R"(","driver":"","nvrtc":"","time":"2026-01-01T00:00:00.000Z"})" + "\n";
}

class DatabaseCommands : public testing::Test {
 protected:
  // Imports rows, then runs `database WORDS`.
  Finished database(const std::string& rows, std::vector<std::string> words) const {
    const Finished imported =
        program_({"database", "import", program_.write("rows", rows), "--database", file_});
    EXPECT_EQ(imported.code, 0) << imported.err;
    words.insert(words.begin(), "database");
    words.insert(words.end(), {"--database", file_});
    return program_(words);
  }

  const Program program_;
  const std::string file_ = program_.path("configs.db");
};

TEST_F(DatabaseCommands, ForgetSaysWhatItRemovesAndRemovesIt) {
  const std::string rows =
      row("gemm 1", "A") + row("gemm 1", "A", "d") + row("gemm 2", "B") + row("softmax", "A");
  const Finished would = database(rows, {"forget", "problem=gemm*", "--dry-run"});
  EXPECT_EQ(would.out, "       2  A  gemm 1\n       1  B  gemm 2\nwould forget 3 rows\n");
  EXPECT_EQ(database("", {"show", "--json"}).objects().size(), 4u);
  const Finished forgot = database("", {"forget", "problem=gemm*", "device=A", "--json"});
  ASSERT_EQ(forgot.objects().size(), 1u) << forgot.err;
  EXPECT_EQ(forgot.objects()[0]["rows"], 2);
  EXPECT_EQ(database("", {"show", "--json"}).objects().size(), 2u);
  EXPECT_THAT(database("", {"forget", "problem=gemm*", "device=A"}).out, EndsWith("forgot 0 rows\n"));
}

TEST_F(DatabaseCommands, ForgetWantsPatternsOfFieldsThatRowsHave) {
  const Finished no_equals = database("", {"forget", "gemm*"});
  EXPECT_EQ(no_equals.code, 2);
  EXPECT_THAT(no_equals.err, HasSubstr("FIELD=GLOB"));
  const Finished no_field = database("", {"forget", "gemm m=4*"});
  EXPECT_EQ(no_field.code, 2);
  EXPECT_THAT(no_field.err, AllOf(HasSubstr("'gemm m'"), HasSubstr("known: problem, config")));
  EXPECT_EQ(database("", {"forget"}).code, 2);
}

TEST_F(DatabaseCommands, ControlCodesOfRowsDoNotReachTheTerminal) {
  const std::string hostile = row(R"(p\u001b]0;title\u0007)", R"(A\u009b31m)", R"(line\u007f)");
  for (const char* command : {"show", "list"})
    EXPECT_THAT(database(hostile, {command}).out, Not(testing::ContainsRegex("[\x1b\x07\x7f]|\xc2\x9b")));
  EXPECT_THAT(database("", {"show"}).out,
              AllOf(HasSubstr("p\\x1b]0;title\\x07"), HasSubstr("A\\x9b31m"), HasSubstr("line\\x7f")));
  EXPECT_THAT(database("", {"forget", "problem=p*"}).out, HasSubstr("p\\x1b]0;"));
}

TEST_F(DatabaseCommands, NestedJsonIsRefusedInOneLine) {
  const std::string file =
      program_.write("deep", "{\"problem\":" + std::string(100000, '[') + std::string(100000, ']') + "}\n");
  const Finished refused = program_({"database", "import", file, "--database", file_});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("line 1: JSON nested deeper than 16 levels"), HasSubstr(file)));
  EXPECT_LT(refused.err.size(), 400u);
}

}  // namespace
}  // namespace warpfinch
