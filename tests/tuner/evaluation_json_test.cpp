// JSON from outside: as deep, long or odd as it comes.
#include "tuner/evaluation_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tuner/made_up.hpp"
#include "tuner/config_database.hpp"

namespace warpfinch {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string complaint(const std::string& text) {
  try {
    evaluation_from_json(object_from_line(text));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::input);
    EXPECT_LT(std::string(error.what()).size(), 400U) << "a message quotes no more than helps";
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  return "none";
}

std::string row_with(const std::string& key, const Json& value) {
  Json row = to_json(made_up("p", "c", measured(1)));
  row[key] = value;
  return to_line(row);
}

TEST(EvaluationJson, deep_nesting_is_refused_before_anything_recurses_on_it) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THAT(complaint("{\"problem\":" + deep + "}"), HasSubstr("deeper than 16 levels"));
  EXPECT_THAT(complaint(deep), HasSubstr("deeper than 16 levels"));
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_THAT(complaint(objects), HasSubstr("deeper than 16 levels"));
  EXPECT_THAT(complaint("{\"problem\":[[[[1]]]]}"), HasSubstr("'problem' is of the wrong kind: [[[[1]]]]"));
}

TEST(EvaluationJson, what_is_quoted_is_cut) {
  const std::string text(100000, 'x');
  EXPECT_THAT(complaint(row_with("outcome", text)), HasSubstr("'outcome' is 'xxx"));
  EXPECT_THAT(complaint(row_with("problem", std::vector{text})), HasSubstr("wrong kind"));
  EXPECT_THAT(complaint(row_with("median_us", text)), HasSubstr("no number"));
  EXPECT_THAT(complaint("{\"" + text), HasSubstr("not JSON"));
  EXPECT_THAT(complaint(std::string(size_t{17} << 20, ' ')), HasSubstr("at most"));
}

TEST(EvaluationJson, whole_numbers_are_whole_and_fit) {
  for (const Json& wrong : {Json(1.5), Json(1e300), Json(int64_t{1} << 40), Json("7"), Json(nullptr)})
    EXPECT_THAT(complaint(row_with("launches_per_sample", wrong)), HasSubstr("'launches_per_sample'"));
}

TEST(EvaluationJson, an_optional_field_stands_only_where_it_says_something) {
  Evaluation row = made_up("p", "c", measured(1));
  EXPECT_THAT(to_line(to_json(row)), Not(HasSubstr("cubin")));
  row.cubin = "abc";
  row.multiprocessors = 132;
  row.memory_bytes = int64_t{1} << 40;
  row.sizes = "q_len=77";
  std::get<Measurement>(row.outcome).launch = "single";
  EXPECT_THAT(to_line(to_json(row)),
              AllOf(HasSubstr("\"cubin\":\"abc\""), HasSubstr("\"launch\":\"single\"")));
  EXPECT_EQ(evaluation_from_json(to_json(row)), row);
  ConfigDatabase database = ConfigDatabase::in_memory();
  database.record(row);
  EXPECT_EQ(database.evaluations(), std::vector{row});
}

}  // namespace
}  // namespace warpfinch
