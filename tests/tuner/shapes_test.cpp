// Shape lists: both forms, defaults, and what is wrong with line and column.
#include "tuner/shapes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warpfinch {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Shapes, a_list_holds_texts_and_maps) {
  const auto shapes = parse_shapes(
      "# to tune\n- gemm m=64 n=64 k=64\n- problem: softmax rows=8 columns=16\n  budget: 60s\n", "x");
  ASSERT_EQ(shapes.size(), 2U);
  EXPECT_EQ(shapes[0], (Shape{parse_problem("gemm m=64 n=64 k=64"), std::nullopt}));
  EXPECT_EQ(shapes[1], (Shape{parse_problem("softmax rows=8 columns=16"), Budget{.seconds = 60}}));
}

TEST(Shapes, defaults_hold_for_entries_without_their_own) {
  const auto shapes = parse_shapes(
      "shapes:\n  - gemm m=64 n=64 k=64\n  - {problem: gemm m=8 n=8 k=8, budget: 5}\n"
      "defaults: {budget: 200}\n",
      "x");
  ASSERT_EQ(shapes.size(), 2U);
  EXPECT_EQ(shapes[0].budget, Budget{.evaluations = 200});
  EXPECT_EQ(shapes[1].budget, Budget{.evaluations = 5});
}

std::string complaint(const std::string& yaml) {
  try {
    parse_shapes(yaml, "list.yaml");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::input);
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  return "none";
}

TEST(Shapes, what_is_wrong_is_told_with_line_and_column) {
  EXPECT_THAT(complaint("- gemm m=1 n=1 k=1\n- [unclosed\n"),
              AllOf(StartsWith("list.yaml:"), HasSubstr("broken YAML")));
  EXPECT_THAT(complaint("- gemm m=1 n=1 k=1\n- gemm m=1 n=1 z=1\n"),
              AllOf(StartsWith("list.yaml:2:3: "), HasSubstr("'z'")));
  EXPECT_THAT(complaint("- problem: gemm m=1 n=1 k=1\n  budget: soon\n"),
              AllOf(StartsWith("list.yaml:2:11: "), HasSubstr("soon")));
  EXPECT_THAT(complaint("- problem: gemm m=1 n=1 k=1\n  budgte: 5\n"),
              AllOf(StartsWith("list.yaml:2:3: "), HasSubstr("'budgte'")));
  EXPECT_THAT(complaint("- budget: 5\n"), AllOf(StartsWith("list.yaml:1:3: "), HasSubstr("no 'problem'")));
  EXPECT_THAT(complaint("- - gemm m=1 n=1 k=1\n"), StartsWith("list.yaml:1:3: "));
  EXPECT_THAT(complaint("defaults: {budget: 5}\n"), HasSubstr("no 'shapes'"));
  EXPECT_THAT(complaint("defaults: 5\nshapes: [gemm m=1 n=1 k=1]\n"), StartsWith("list.yaml:1:11: "));
  EXPECT_THAT(complaint("tasks: []\n"), AllOf(StartsWith("list.yaml:1:1: "), HasSubstr("'tasks'")));
  EXPECT_THAT(complaint("gemm m=1 n=1 k=1\n"), HasSubstr("should be a list"));
  EXPECT_THAT(complaint(""), HasSubstr("should be a list"));
  EXPECT_THAT(complaint("[]"), HasSubstr("should be a list"));
  EXPECT_THAT(complaint("- problem: [gemm]\n"), HasSubstr("should be a text"));
}

// What yaml-cpp would leave out without a word.
TEST(Shapes, a_list_is_understood_as_a_whole_or_refused) {
  const std::string first = "- gemm m=1 n=1 k=1\n", second = "- softmax rows=8 columns=16\n";
  EXPECT_THAT(complaint(first + "garbage here\n" + second),
              AllOf(StartsWith("list.yaml:2:1: "), HasSubstr("end")));
  EXPECT_THAT(complaint(first + "-softmax\n" + second), StartsWith("list.yaml:2:1: "));
  EXPECT_THAT(complaint(first + "---\n" + second), StartsWith("list.yaml:3:1: "));
  EXPECT_THAT(complaint(first + "...\n" + second), StartsWith("list.yaml:3:1: "));
  EXPECT_THAT(complaint(first + "---\n"), StartsWith("list.yaml:3:1: "));
  EXPECT_THAT(complaint("[gemm m=1 n=1 k=1] softmax"), StartsWith("list.yaml:1:20: "));
  EXPECT_THAT(complaint("shapes: [gemm m=1 n=1 k=1]\ngarbage\n"),
              AllOf(StartsWith("list.yaml:2:1: "), HasSubstr("'garbage'")));
  EXPECT_THAT(complaint(first + "- \"softmax rows=8 columns=16\n"),
              AllOf(StartsWith("list.yaml:"), HasSubstr("quotation mark")));
  EXPECT_THAT(complaint(first + "\x04" + second), AllOf(StartsWith("list.yaml:2:1: "), HasSubstr("'\\x04'")));
  EXPECT_THAT(complaint(first + std::string(1, '\0') + second),
              AllOf(StartsWith("list.yaml:2:1: "), HasSubstr("x00")));
  EXPECT_THAT(complaint("- gemm m=1 n=1 k=1\r- softmax rows=8 columns=16"),
              AllOf(StartsWith("list.yaml:1:19: "), HasSubstr("'\\r'")));
  EXPECT_THAT(complaint("- problem: gemm m=1 n=1 k=1\n\tbudget: 5\n"),
              AllOf(StartsWith("list.yaml:2:1: "), HasSubstr("tab")));
}

TEST(Shapes, ends_and_beginnings_that_are_said_aloud_are_no_second_document) {
  const std::string list = "- gemm m=1 n=1 k=1\n";
  const std::vector<std::string> right{
      list + "...\n",        "---\n" + list,           "%YAML 1.2\n---\n" + list + "...\n# the end\n",
      "\xef\xbb\xbf" + list, "- gemm m=1 n=1 k=1\r\n", "-\tgemm m=1 n=1 k=1"};
  for (const std::string& yaml : right) EXPECT_EQ(parse_shapes(yaml, "x").size(), 1U) << yaml;
}

TEST(Shapes, keys_that_stand_twice_are_refused) {
  EXPECT_THAT(complaint("- problem: gemm m=1 n=1 k=1\n  problem: gemm m=2 n=1 k=1\n"),
              AllOf(StartsWith("list.yaml:2:3: "), HasSubstr("'problem' stands twice")));
  EXPECT_THAT(complaint("shapes: [gemm m=1 n=1 k=1]\nshapes: [gemm m=2 n=1 k=1]\n"),
              StartsWith("list.yaml:2:1: "));
  EXPECT_THAT(complaint("defaults: {budget: 5, budget: 6}\nshapes: [gemm m=1 n=1 k=1]\n"),
              StartsWith("list.yaml:1:23: "));
}

// Neither depth nor aliases of aliases cost more than the text is long.
TEST(Shapes, texts_that_grow_when_read_are_refused) {
  for (const char* deeper : {"[", "{a: ", "- ", "? "}) {
    std::string yaml;
    for (int depth = 0; depth < 100000; ++depth) yaml += deeper;
    EXPECT_THAT(complaint(yaml), AllOf(StartsWith("list.yaml:1:"), HasSubstr("too deep"))) << deeper;
  }
  std::string bomb = "- &a0 [x]\n";
  for (int i = 1; i < 64; ++i) bomb += fmt::format("- &a{0} [*a{1}, *a{1}]\n", i, i - 1);
  EXPECT_THAT(complaint(bomb), StartsWith("list.yaml:1:3: "));
  EXPECT_THAT(complaint("- &a {problem: gemm m=1 n=1 k=1}\n- <<: *a\n"),
              AllOf(StartsWith("list.yaml:2:3: "), HasSubstr("'<<'")));
  EXPECT_THAT(complaint("- &a [*a]\n"), StartsWith("list.yaml:1:3: "));
}

}  // namespace
}  // namespace warpfinch
