// Shape lists: both forms, defaults, and what is wrong with line and column.
#include "tuner/shapes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/runtime/temporary_folder.hpp"

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

TEST(Shapes, files_that_cannot_be_read_are_named) {
  const TemporaryFolder folder;
  EXPECT_THROW(read_shapes(folder.path()), Error);
  EXPECT_THROW(read_shapes(folder.path() / "missing.yaml"), Error);
  const auto file = folder.path() / "list.yaml";
  std::ofstream(file) << "- gemm m=1 n=1 k=1\n";
  EXPECT_EQ(read_shapes(file).size(), 1U);
}

}  // namespace
}  // namespace warpfinch
