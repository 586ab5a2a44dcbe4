// Which config a problem gets without, and with, a database and a wish of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"
#include "tuner/engine.hpp"

namespace warpfinch {
namespace {

class Choosing : public ::testing::Test {
 protected:
  Choice choose(std::string_view text = {}) const {
    return choose_config(problem_, text, sm_90a(), "GPU A", {{&database_, "database"}});
  }
  std::string ranked(size_t index) const {
    return to_text(rank(config_space(problem_, sm_90a()), index + 1).at(index));
  }

  TemporaryFolder folder_;
  Problem problem_ = parse_problem("softmax rows=4096 columns=1024");
  ConfigDatabase database_{folder_.path() / "configs.db"};
};

TEST_F(Choosing, what_is_given_is_taken) {
  database_.record(made_up(to_text(problem_), ranked(0), measured(1)));
  const Choice choice = choose("warps=2");
  EXPECT_EQ(choice.origin, "given");
  EXPECT_EQ(choice.config, parse_config("warps=2", problem_));
  EXPECT_THROW(choose("wings=2"), Error);
}

TEST_F(Choosing, an_empty_database_leaves_the_models_best) {
  const Choice choice = choose();
  EXPECT_EQ(choice.origin, "model");
  EXPECT_TRUE(generate(problem_, choice.config, sm_90a()));
  EXPECT_EQ(choose_config(problem_, {}, sm_90a(), "GPU A", {}).config, choice.config);
}

TEST_F(Choosing, the_databases_best_comes_before_the_model) {
  database_.record(made_up(to_text(problem_), ranked(3), measured(1)));
  const Choice choice = choose();
  EXPECT_EQ(choice.origin, "database");
  EXPECT_EQ(to_text(choice.config), ranked(3));
}

TEST_F(Choosing, a_near_shape_and_another_device_are_named) {
  const std::string near = to_text(parse_problem("softmax rows=4096 columns=2048"));
  database_.record(made_up(to_text(problem_), ranked(3), measured(1), "GPU B"));
  EXPECT_EQ(choose().origin, "database (other device: GPU B)");
  database_.record(made_up(near, ranked(4), measured(1)));
  EXPECT_EQ(choose().origin, "database (near: " + near + ")");
}

TEST_F(Choosing, a_config_that_no_longer_works_falls_back_to_the_model) {
  database_.record(made_up(to_text(problem_), "feathers=3 of=another version", measured(1)));
  EXPECT_EQ(choose().origin, "model");
  const ConfigSpace space = config_space(problem_, sm_90a());
  ConfigDatabase other(folder_.path() / "other.db");
  other.record(made_up(to_text(problem_), "warps=64 column_tile=512 tile_order=flat", measured(1)));
  EXPECT_EQ(choose_config(problem_, {}, sm_90a(), "GPU A", {{&other, "database"}}).origin, "model");
}

TEST_F(Choosing, a_prediction_is_never_chosen) {
  database_.record(made_up(to_text(problem_), ranked(3), Prediction{1}));
  EXPECT_EQ(choose().origin, "model");
}

}  // namespace
}  // namespace warpfinch
