// Which config a problem gets without, and with, a database and a wish of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/runtime/warnings.hpp"
#include "tests/tuner/made_up.hpp"
#include "tuner/engine.hpp"

namespace warpfinch {
namespace {

class Choosing : public ::testing::Test {
 protected:
  Choice choose(std::string_view text = {}) const {
    return choose_config(problem_, text, sm_90a(), {"GPU A"}, {{&database_, "database"}});
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
  EXPECT_EQ(choose_config(problem_, {}, sm_90a(), {"GPU A"}, {}).config, choice.config);
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

TEST_F(Choosing, a_config_that_was_never_measured_on_this_gpu_says_so) {
  const Machine gpu{.device = "GPU A", .driver = "13.0"};
  const auto words = [&](const Machine& machine) {
    return warnings_of([&] { warn_if_unmeasured(problem_, choose(), machine); });
  };
  EXPECT_NE(words(gpu).find("(model) was never measured on GPU A"), std::string::npos) << words(gpu);
  EXPECT_EQ(words({.device = "model:sm_90a"}), "") << "nothing can be measured there";
  database_.record(made_up(to_text(problem_), ranked(3), measured(1), "GPU B"));
  EXPECT_NE(words(gpu).find("(database (other device: GPU B)) was never"), std::string::npos) << words(gpu);
  database_.record(made_up(to_text(problem_), ranked(3), measured(1)));
  EXPECT_EQ(words(gpu), "");
  EXPECT_EQ(warnings_of([&] { warn_if_unmeasured(problem_, choose("warps=2"), gpu); }), "")
      << "the user's choice";
}

TEST_F(Choosing, a_config_that_no_longer_works_falls_back_to_the_model) {
  database_.record(made_up(to_text(problem_), "feathers=3 of=another version", measured(1)));
  EXPECT_EQ(choose().origin, "model");
  const ConfigSpace space = config_space(problem_, sm_90a());
  ConfigDatabase other(folder_.path() / "other.db");
  other.record(made_up(to_text(problem_), "warps=64 column_tile=512 tile_order=flat", measured(1)));
  EXPECT_EQ(choose_config(problem_, {}, sm_90a(), {"GPU A"}, {{&other, "database"}}).origin, "model");
}

TEST_F(Choosing, the_users_database_stands_above_what_is_shipped) {
  ConfigDatabase shipped = ConfigDatabase::in_memory();
  const auto choose_of_both = [&] {
    return choose_config(problem_, {}, sm_90a(), {"GPU A"},
                         {{&database_, "database"}, {&shipped, "shipped"}});
  };
  shipped.record(made_up(to_text(problem_), ranked(2), measured(1)));
  EXPECT_EQ(choose_of_both().origin, "shipped");
  // A near shape of the user's is no match for the very shape.
  database_.record(made_up("softmax rows=4096 columns=2048 dtype=bf16", ranked(4), measured(1)));
  EXPECT_EQ(choose_of_both().origin, "shipped");
  database_.record(made_up(to_text(problem_), ranked(3), measured(9)));
  EXPECT_EQ(choose_of_both().origin, "database");
  EXPECT_EQ(to_text(choose_of_both().config), ranked(3));
}

// For attention, whose configs can be illegal for a neighbour.
class ChoosingNear : public ::testing::Test {
 protected:
  static Problem attention(int heads, int length, int head_dim) {
    return parse_problem(
        fmt::format("attention_forward q_heads={} q_len={} head_dim={}", heads, length, head_dim));
  }
  // Recorded with the time that the model predicts, times `factor`.
  void record(const Problem& problem, const std::string& config, double factor) {
    const double us = predict_us(problem, parse_config(config, problem), sm_90a());
    database_.record(
        made_up(to_text(problem), to_text(parse_config(config, problem)), measured(us * factor)));
  }
  Choice choose(const Problem& problem) const {
    return choose_config(problem, {}, sm_90a(), {"GPU A"}, {{&database_, "database"}});
  }

  ConfigDatabase database_ = ConfigDatabase::in_memory();
};

constexpr const char* kSmall = "consumer_warpgroups=1 key_tile=64";
constexpr const char* kLarge = "consumer_warpgroups=2 key_tile=128";

TEST_F(ChoosingNear, an_illegal_neighbour_gives_way_to_the_next) {
  const Problem wanted = attention(16, 2048, 128);
  // Four consumers with 192 keys have no registers for head dim 128 (they were never valid there: planted).
  database_.record(
      made_up(to_text(attention(16, 2047, 128)), "consumer_warpgroups=4 key_tile=192", measured(1)));
  record(attention(16, 8192, 128), kLarge, 1);
  const Choice choice = choose(wanted);
  EXPECT_EQ(choice.config, parse_config(kLarge, wanted));
  EXPECT_THAT(choice.origin, ::testing::HasSubstr("near: " + to_text(attention(16, 8192, 128))));
}

TEST_F(ChoosingNear, the_model_corrected_by_what_was_measured_decides_among_neighbours) {
  const Problem wanted = attention(32, 2048, 64), left = attention(32, 1800, 64),
                right = attention(32, 2300, 64);
  record(left, kSmall, 1);
  record(right, kLarge, 1);
  const bool large_is_faster = predict_us(wanted, parse_config(kLarge, wanted), sm_90a()) <
                               predict_us(wanted, parse_config(kSmall, wanted), sm_90a());
  ASSERT_TRUE(large_is_faster);
  EXPECT_EQ(choose(wanted).config, parse_config(kLarge, wanted));
  // On the card the large one was three times slower than the model believes: then the small one is chosen.
  database_ = ConfigDatabase::in_memory();
  record(left, kSmall, 1);
  record(right, kLarge, 3);
  EXPECT_EQ(choose(wanted).config, parse_config(kSmall, wanted));
}

TEST_F(ChoosingNear, another_devices_neighbour_is_better_than_the_model_alone) {
  const Problem near = attention(32, 2048, 64);
  database_.record(made_up(to_text(near), to_text(parse_config(kLarge, near)), measured(50), "GPU B"));
  EXPECT_EQ(choose(attention(32, 4096, 64)).origin,
            "database (other device: GPU B, near: " + to_text(near) + ")");
  EXPECT_EQ(choose(attention(32, 4096, 128)).origin, "model");  // another head dim is no neighbour
}

TEST_F(Choosing, a_prediction_is_never_chosen) {
  database_.record(made_up(to_text(problem_), ranked(3), Prediction{1}));
  EXPECT_EQ(choose().origin, "model");
}

}  // namespace
}  // namespace warpfinch
