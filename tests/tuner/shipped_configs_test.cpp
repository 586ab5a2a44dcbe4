// The configs that come with the program.
#include "tuner/shipped_configs.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"
#include "tuner/engine.hpp"

namespace warpfinch {
namespace {

class Shipped : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path() / name) << text;
  }
  static std::string exported(const std::string& problem, const std::string& device) {
    ConfigDatabase database = ConfigDatabase::in_memory();
    database.record(made_up(problem, "warps=2 column_tile=128 tile_order=flat", measured(3), device));
    return database.export_json();
  }

  TemporaryFolder folder_;
};

constexpr const char* kOne = "softmax rows=64 columns=64 dtype=bf16";
constexpr const char* kTwo = "softmax rows=128 columns=64 dtype=bf16";

TEST_F(Shipped, every_file_of_the_folder_answers) {
  write("a.json", exported(kOne, "GPU A"));
  write("b.json", exported(kTwo, "GPU B"));
  write("notes.txt", "no configs");
  const auto shipped = read_shipped(folder_.path());
  ASSERT_TRUE(shipped);
  EXPECT_EQ(shipped->best(parse_problem(kOne), {"GPU A"}).how, Lookup::exact);
  EXPECT_EQ(shipped->best(parse_problem(kTwo), {"GPU B"}).how, Lookup::exact);
}

TEST_F(Shipped, a_damaged_file_keeps_the_others) {
  write("a.json", "{\"problem\": 7}\n");
  write("b.json", exported(kOne, "GPU A"));
  EXPECT_EQ(read_shipped(folder_.path())->best(parse_problem(kOne), {"GPU A"}).how, Lookup::exact);
}

TEST_F(Shipped, no_folder_or_an_empty_one_ships_nothing) {
  EXPECT_FALSE(read_shipped({}));
  EXPECT_FALSE(read_shipped(folder_.path()));
  EXPECT_FALSE(read_shipped(folder_.path() / "not there"));
}

TEST_F(Shipped, reading_leaves_the_folder_as_it_was) {
  write("a.json", exported(kOne, "GPU A"));
  auto shipped = read_shipped(folder_.path());
  shipped->record(made_up(kTwo, "x", measured(1)));
  const std::filesystem::directory_iterator files(folder_.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
  EXPECT_EQ(read_shipped(folder_.path())->evaluations().size(), 1U);
}

TEST_F(Shipped, a_variable_names_another_folder_or_none) {
  setenv("WARPFINCH_CONFIGS", folder_.path().c_str(), 1);
  EXPECT_EQ(shipped_folder(), folder_.path());
  setenv("WARPFINCH_CONFIGS", "", 1);
  EXPECT_EQ(shipped_folder(), "");
  unsetenv("WARPFINCH_CONFIGS");
  EXPECT_EQ(std::filesystem::canonical(shipped_folder()),
            std::filesystem::canonical(std::filesystem::path(WARPFINCH_SOURCE_DIR) / "tuner/configs"));
}

// What stands in the tree is what users get: every row has to be of this version and to work for its problem.
TEST(ShippedFiles, every_row_is_right_and_its_config_is_chosen) {
  const auto shipped = read_shipped(std::filesystem::path(WARPFINCH_SOURCE_DIR) / "tuner/configs");
  ASSERT_TRUE(shipped);
  ASSERT_FALSE(shipped->evaluations().empty());
  for (const Evaluation& row : shipped->evaluations()) {
    const Problem problem = parse_problem(row.problem);
    EXPECT_EQ(to_text(problem), row.problem);
    EXPECT_TRUE(std::isfinite(cost_us(row))) << row.problem;
    const Choice choice = choose_config(problem, {}, sm_90a(), {row.device}, {{&*shipped, "shipped"}});
    EXPECT_EQ(choice.origin, "shipped") << row.problem << "\n" << row.config;
    EXPECT_EQ(choice.config, parse_config(row.config, problem)) << row.problem;
  }
}

}  // namespace
}  // namespace warpfinch
