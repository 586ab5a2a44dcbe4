// The tuning loop with a made-up world: budgets, stopping, what is remembered, the same seed.
#include "tuner/tune.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "generator/generate.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"
#include "tuner/evaluators.hpp"
#include "tuner/source_digest.hpp"

namespace warpfinch {
namespace {

using ::testing::HasSubstr;

const Problem& attention_problem() {
  static const Problem problem =
      parse_problem("attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16");
  return problem;
}

TuneOptions evaluations(int count, uint64_t seed = 0) {
  TuneOptions options;
  options.budget = {.evaluations = count};
  options.seed = seed;
  return options;
}

class Tuning : public ::testing::Test {
 protected:
  TuneResult tune_with(Evaluator& evaluator, ConfigDatabase& database, TuneOptions options) {
    return tune(attention_problem(), sm_90a(), evaluator, database, options);
  }

  // Configs and outcomes in order, without digests and times of the clock.
  static std::vector<std::string> story(const ConfigDatabase& database) {
    std::vector<std::string> lines;
    for (const Evaluation& row : database.evaluations())
      lines.push_back(fmt::format("{}: {}", row.config, cost_us(row)));
    return lines;
  }

  TemporaryFolder folder_;
  ConfigDatabase database_{folder_.path() / "configs.db"};
};

TEST_F(Tuning, keeps_to_a_budget_of_evaluations_and_records_each) {
  MadeUpEvaluator evaluator(landscape);
  const TuneResult result = tune_with(evaluator, database_, evaluations(40));
  EXPECT_EQ(result.evaluated, 40);
  EXPECT_EQ(database_.evaluations().size(), 40U);
  EXPECT_FALSE(result.stopped);
  ASSERT_TRUE(result.best);
  const Best best = database_.best(attention_problem(), {"GPU A"});
  EXPECT_EQ(best.config, result.best->config);
  EXPECT_EQ(best.median_us, cost_us(*result.best));
  int rejected = 0;
  for (const Evaluation& row : database_.evaluations())
    rejected += std::holds_alternative<Rejection>(row.outcome);
  EXPECT_EQ(result.rejected, rejected);
}

TEST_F(Tuning, the_best_is_measured_again_and_may_lose_its_place) {
  std::map<std::string, int> asked;
  std::string lucky;  // the seventh: a time that it never reaches again
  MadeUpEvaluator evaluator([&](const Config& config) -> std::variant<Measurement, Prediction, Rejection> {
    const std::string text = to_text(config);
    ++asked[text];
    if (asked.size() == 7 && lucky.empty()) return lucky = text, measured(1);
    return text == lucky ? measured(1e6) : landscape(config);
  });
  TuneOptions options = evaluations(40);
  options.confirmations = 6;
  const TuneResult result = tune_with(evaluator, database_, options);
  EXPECT_EQ(asked[lucky], 2);
  ASSERT_TRUE(result.best);
  EXPECT_NE(result.best->config, lucky);
  EXPECT_EQ(asked[result.best->config], 2);  // it stood its own confirmation
  EXPECT_EQ(result.evaluated, 40);
  EXPECT_EQ(database_.evaluations().size(), 42U);
  EXPECT_EQ(database_.best(attention_problem(), {"GPU A"}).config, result.best->config);
}

TEST_F(Tuning, begins_with_what_is_shipped_for_near_shapes) {
  ConfigDatabase shipped = ConfigDatabase::in_memory();
  const auto ranked = rank(config_space(attention_problem(), sm_90a()), 40);
  shipped.record(
      made_up("attention_forward batch=1 q_heads=16 kv_heads=16 q_len=2048 kv_len=2048 head_dim=64 "
              "dtype=bf16 mask=none layout=bshd",
              to_text(ranked[30]), measured(5)));
  MadeUpEvaluator evaluator(landscape);
  TuneOptions options = evaluations(3);
  options.shipped = &shipped;
  tune_with(evaluator, database_, options);
  EXPECT_EQ(evaluator.asked.at(0), to_text(ranked[30]));
  EXPECT_EQ(shipped.evaluations().size(), 1U);
}

TEST_F(Tuning, tries_first_what_it_is_told_to) {
  MadeUpEvaluator evaluator(landscape);
  TuneOptions options = evaluations(3);
  std::vector<std::string> valid;
  for (const char* text :
       {"consumer_warpgroups=3 key_tile=96 order=pv_first max_policy=conditional",
        "consumer_warpgroups=4 key_tile=256", "consumer_warpgroups=1 key_tile=32 order=qk_first"}) {
    options.first.push_back(parse_config(text, attention_problem()));
    if (!check(attention_problem(), options.first.back(), sm_90a()))
      valid.push_back(to_text(options.first.back()));
  }
  ASSERT_EQ(valid.size(), 2u) << "one does not fit";
  tune_with(evaluator, database_, options);
  EXPECT_EQ(std::vector(evaluator.asked.begin(), evaluator.asked.begin() + 2), valid);
}

TEST_F(Tuning, keeps_to_a_budget_of_seconds) {
  double now = 100;
  MadeUpEvaluator evaluator([&](const Config& config) { return now += 1, landscape(config); });
  TuneOptions options;
  options.budget = {.seconds = 25};
  options.clock = [&] { return now; };
  tune_with(evaluator, database_, options);
  EXPECT_EQ(evaluator.asked.size(), 25u);  // configs of one source count as evaluated, and take no time
}

TEST_F(Tuning, stops_between_two_evaluations_without_losing_a_row) {
  std::stop_source stop;
  int count = 0;
  MadeUpEvaluator evaluator([&](const Config& config) {
    if (++count == 7) stop.request_stop();
    return landscape(config);
  });
  TuneOptions options = evaluations(100);
  options.stop = stop.get_token();
  const TuneResult result = tune_with(evaluator, database_, options);
  EXPECT_TRUE(result.stopped);
  EXPECT_EQ(result.evaluated, 7);
  EXPECT_EQ(database_.evaluations().size(), 7U);
}

TEST_F(Tuning, a_failing_environment_loses_no_row) {
  int count = 0;
  MadeUpEvaluator evaluator([&](const Config& config) {
    if (++count == 6) fail_environment("the GPU has fallen off the bus");
    return landscape(config);
  });
  EXPECT_THROW(tune_with(evaluator, database_, evaluations(100)), Error);
  EXPECT_EQ(database_.evaluations().size(), 5U);
}

TEST_F(Tuning, the_same_seed_is_the_same_run_in_the_recorded_world) {
  MadeUpEvaluator evaluator(landscape);
  const TuneResult first = tune_with(evaluator, database_, evaluations(60, 5));
  const auto replay = replay_evaluator(database_, "GPU A");
  ConfigDatabase second_database(folder_.path() / "second.db");
  const TuneResult second = tune_with(*replay, second_database, evaluations(60, 5));
  EXPECT_EQ(story(second_database), story(database_));
  EXPECT_EQ(first.best->config, second.best->config);
  ConfigDatabase third_database(folder_.path() / "third.db");
  MadeUpEvaluator again(landscape);
  tune_with(again, third_database, evaluations(60, 6));
  EXPECT_NE(story(third_database), story(database_));
}

TEST_F(Tuning, what_was_never_recorded_is_rejected_by_the_replay) {
  const auto replay = replay_evaluator(database_, "GPU A");
  const Config config = default_config(attention_problem());
  const Evaluation answer = replay->evaluate(attention_problem(), {config}).at(0);
  ASSERT_TRUE(std::holds_alternative<Rejection>(answer.outcome));
  EXPECT_EQ(std::get<Rejection>(answer.outcome).stage, "replay");
}

TEST_F(Tuning, a_replay_answers_in_the_order_of_then) {
  const Config config = default_config(attention_problem());
  const std::string problem = to_text(attention_problem());
  for (int us : {3, 5})
    database_.record(made_up(problem, to_text(config), measured(us), "GPU A", "d", utc_time()));
  const auto replay = replay_evaluator(database_, "GPU A");
  const auto answers = replay->evaluate(attention_problem(), {config, config, config});
  EXPECT_EQ(cost_us(answers.at(0)), 3);
  EXPECT_EQ(cost_us(answers.at(1)), 5);
  EXPECT_EQ(cost_us(answers.at(2)), 5);
}

// The evaluators fill in the digest; here it is done for them, as the device evaluator would.
class DigestingEvaluator : public MadeUpEvaluator {
 public:
  using MadeUpEvaluator::MadeUpEvaluator;
  std::vector<Evaluation> evaluate(const Problem& problem, const std::vector<Config>& configs) override {
    auto evaluations = MadeUpEvaluator::evaluate(problem, configs);
    for (size_t i = 0; i < configs.size(); ++i)
      evaluations[i].digest = source_digest(*generate(problem, configs[i], sm_90a()));
    return evaluations;
  }
};

// A world in which the two references of the softmax give one source. Of each pair one config meets the
// evaluator; the other is told what came of it.
TEST_F(Tuning, no_source_is_evaluated_twice) {
  const auto source = [](const Config& config) {
    const std::string text = to_text(config);
    return text.substr(0, text.find("max_policy="));  // the genes in front of it make the kernel
  };
  MadeUpEvaluator evaluator(landscape);
  TuneOptions options = evaluations(150);
  options.source = [&](const Problem&, const Config& config, const Target&) -> Expected<std::string> {
    return source(config);
  };
  std::set<std::string> told;
  options.progress = [&](const TuneProgress& progress) { told.insert(progress.last->config); };
  const TuneResult result = tune_with(evaluator, database_, options);
  std::set<std::string> sources;
  for (const std::string& config : evaluator.asked)
    EXPECT_TRUE(sources.insert(source(parse_config(config, attention_problem()))).second) << config;
  EXPECT_EQ(evaluator.asked.size(), 150U);
  EXPECT_GT(result.remembered, 0);
  EXPECT_EQ(told.size(), 150U + static_cast<size_t>(result.remembered));
}

// The source decides, not the name: another config's row answers where both gave the same kernel.
TEST_F(Tuning, a_recorded_source_answers_for_another_config) {
  const Config first = rank(config_space(attention_problem(), sm_90a()), 1).at(0);
  database_.record(made_up(to_text(attention_problem()), "named otherwise", measured(0.125), "GPU A",
                           source_digest(*generate(attention_problem(), first, sm_90a()))));
  MadeUpEvaluator evaluator(landscape);
  const TuneResult result = tune_with(evaluator, database_, evaluations(20));
  EXPECT_EQ(result.remembered, 1);
  EXPECT_EQ(std::count(evaluator.asked.begin(), evaluator.asked.end(), to_text(first)), 0);
  EXPECT_EQ(result.best->config, to_text(first));
  EXPECT_EQ(cost_us(*result.best), 0.125);
}

TEST_F(Tuning, a_second_run_remembers_the_first) {
  DigestingEvaluator evaluator(landscape);
  tune_with(evaluator, database_, evaluations(30, 9));
  const std::set<std::string> before(evaluator.asked.begin(), evaluator.asked.end());
  DigestingEvaluator second(landscape);
  const TuneResult result = tune_with(second, database_, evaluations(20, 9));
  EXPECT_GT(result.remembered, 0);
  EXPECT_EQ(result.evaluated, 20);
  for (const std::string& config : second.asked) EXPECT_FALSE(before.contains(config)) << config;
  EXPECT_LE(cost_us(*result.best), database_.best(attention_problem(), {"GPU A"}).median_us);
}

// What was found without a compiler, or with another one, says nothing of this one.
TEST_F(Tuning, a_run_with_another_nvrtc_knows_nothing_before) {
  DigestingEvaluator without(landscape, "GPU A", ""), with(landscape, "GPU A", "13.0");
  tune_with(without, database_, evaluations(20, 9));
  EXPECT_EQ(tune_with(with, database_, evaluations(20, 9)).remembered, 0);
  const std::set<std::string> before(without.asked.begin(), without.asked.end());
  EXPECT_GT(std::count_if(with.asked.begin(), with.asked.end(),
                          [&](const std::string& config) { return before.contains(config); }),
            10)
      << "the same seed asks for many of them again";
}

// Compiles before it runs, as the device evaluator does: all configs to one of five cubins.
class CompilingEvaluator : public MadeUpEvaluator {
 public:
  using MadeUpEvaluator::MadeUpEvaluator;
  void evaluate_each(const Problem& problem, const std::vector<Config>& configs, const Sink& sink,
                     const Known& known) override {
    for (const Config& config : configs) {
      Evaluation compiled = made_up(to_text(problem), to_text(config), Prediction{});
      compiled.cubin = std::to_string(std::hash<std::string>()(to_text(config)) % 5);
      const auto before = known(compiled);
      compiled.outcome = before ? before->outcome : evaluate(problem, {config}).at(0).outcome;
      if (!sink(compiled)) return;
    }
  }
};

TEST_F(Tuning, a_cubin_that_is_known_is_not_run_again_under_another_name) {
  CompilingEvaluator evaluator([](const Config&) { return measured(7); });
  const TuneResult result = tune_with(evaluator, database_, evaluations(5));
  EXPECT_EQ(result.evaluated, 5);
  EXPECT_GT(result.remembered, 0);
  EXPECT_EQ(evaluator.asked.size(), 5U);
  EXPECT_EQ(database_.evaluations().size(), static_cast<size_t>(5 + result.remembered))
      << "and its outcome stands under the new name, too";
}

TEST_F(Tuning, an_exhausted_space_ends_the_run) {
  MadeUpEvaluator evaluator(landscape);
  const Problem softmax = parse_problem("softmax rows=64 columns=1000");
  const TuneResult result = tune(softmax, sm_90a(), evaluator, database_, evaluations(100000));
  EXPECT_LE(result.evaluated, size(config_space(softmax, sm_90a())));
  EXPECT_GT(result.evaluated, 0);
}

TEST_F(Tuning, nothing_right_is_no_best) {
  MadeUpEvaluator evaluator([](const Config&) { return measured(1, 7); });
  const TuneResult result = tune_with(evaluator, database_, evaluations(10));
  EXPECT_FALSE(result.best);
  EXPECT_EQ(database_.best(attention_problem(), {"GPU A"}).how, Lookup::none);
}

TEST_F(Tuning, progress_tells_of_each_evaluation_and_the_best) {
  MadeUpEvaluator evaluator(landscape);
  TuneOptions options = evaluations(20);
  std::vector<double> bests;
  int last_done = 0;
  options.progress = [&](const TuneProgress& progress) {
    last_done = progress.done;
    ASSERT_TRUE(progress.last);
    if (progress.best) bests.push_back(cost_us(*progress.best));
  };
  tune_with(evaluator, database_, options);
  EXPECT_EQ(last_done, 20);
  ASSERT_FALSE(bests.empty());
  EXPECT_TRUE(std::is_sorted(bests.rbegin(), bests.rend()));
}

// --- budgets
// ---------------------------------------------------------------------------------------------------
TEST(Budgets, are_times_or_evaluations) {
  EXPECT_EQ(parse_budget("60s"), Budget{.seconds = 60});
  EXPECT_EQ(parse_budget("0.5s"), Budget{.seconds = 0.5});
  EXPECT_EQ(parse_budget("10m"), Budget{.seconds = 600});
  EXPECT_EQ(parse_budget("1.5h"), Budget{.seconds = 5400});
  EXPECT_EQ(parse_budget("200"), Budget{.evaluations = 200});
  for (const char* text : {"60s", "0.5s", "200"}) EXPECT_EQ(to_text(parse_budget(text)), text);
}

TEST(Budgets, that_are_neither_are_refused_with_what_would_be_right) {
  for (const char* text : {"", "s", "h", "0", "0s", "0m", "-5", "-5s", "1.5", "60 s", "inf", "infs", "nans",
                           "infh", "1e999s", "1e308h", "ten", "60d", "99999999999"}) {
    try {
      parse_budget(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::input);
      EXPECT_THAT(error.what(), HasSubstr("60s, 10m, 1h"));
    }
  }
}

TEST(Budgets, that_end_before_a_config_was_tried_say_so) {
  EXPECT_THAT(why_no_best({}), HasSubstr("budget ended"));
  TuneResult tried;
  tried.evaluated = 3, tried.remembered = 2;
  EXPECT_THAT(why_no_best(tried), HasSubstr("none of the 5 configs"));
}

}  // namespace
}  // namespace warpfinch
