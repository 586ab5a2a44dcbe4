// The daemon: works through the list, continues where it stopped, passes over what cannot be tuned.
#include "tuner/daemon.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"

namespace warpfinch {
namespace {

class Daemons : public ::testing::Test {
 protected:
  DaemonResult run(Evaluator& evaluator, const std::vector<Shape>& shapes) {
    ConfigDatabase database(folder_.path() / "configs.db");
    return run_daemon(shapes, sm_90a(), evaluator, database, options_);
  }
  size_t rows() const { return ConfigDatabase(folder_.path() / "configs.db").evaluations().size(); }

  TemporaryFolder folder_;
  std::vector<Shape> shapes_ = parse_shapes(
      "- {problem: softmax rows=64 columns=256, budget: 4}\n"
      "- {problem: softmax rows=64 columns=512, budget: 5}\n"
      "- softmax rows=64 columns=1024\n",
      "list");
  DaemonOptions options_ = [] {
    DaemonOptions options;
    options.tune.budget = {.evaluations = 6};
    return options;
  }();
};

TEST_F(Daemons, work_through_the_list_once) {
  MadeUpEvaluator evaluator(landscape);
  const DaemonResult first = run(evaluator, shapes_);
  EXPECT_EQ(first.finished, 3);
  EXPECT_EQ(rows(), 4U + 5U + 6U);
  const DaemonResult second = run(evaluator, shapes_);
  EXPECT_EQ(second.finished, 0);
  EXPECT_EQ(second.skipped, 3);
  EXPECT_EQ(rows(), 15U);
}

TEST_F(Daemons, tune_only_what_is_new_in_a_list_that_was_edited) {
  MadeUpEvaluator evaluator(landscape);
  run(evaluator, shapes_);
  std::vector<Shape> edited = shapes_;
  edited.push_back(parse_shapes("- softmax rows=64 columns=2048\n", "list").at(0));
  std::swap(edited[0], edited[1]);
  const DaemonResult result = run(evaluator, edited);
  EXPECT_EQ(result.skipped, 3);
  EXPECT_EQ(result.finished, 1);
}

TEST_F(Daemons, begin_anew_with_another_nvrtc) {
  MadeUpEvaluator without(landscape, "GPU A", ""), with(landscape, "GPU A", "13.0");
  run(without, shapes_);
  EXPECT_EQ(run(with, shapes_).finished, 3);
}

TEST_F(Daemons, continue_where_they_were_stopped) {
  std::stop_source stop;
  options_.tune.stop = stop.get_token();
  MadeUpEvaluator stopping([&](const Config& config) {
    if (stopping.asked.size() == 7) stop.request_stop();
    return landscape(config);
  });
  const DaemonResult first = run(stopping, shapes_);
  EXPECT_TRUE(first.stopped);
  EXPECT_EQ(first.finished, 1);
  EXPECT_EQ(rows(), 7U);
  options_.tune.stop = {};
  MadeUpEvaluator evaluator(landscape);
  const DaemonResult second = run(evaluator, shapes_);
  EXPECT_EQ(second.skipped, 1);
  EXPECT_EQ(second.finished, 2);
  EXPECT_FALSE(second.stopped);
}

TEST_F(Daemons, stop_before_the_first_when_told_so) {
  std::stop_source stop;
  stop.request_stop();
  options_.tune.stop = stop.get_token();
  MadeUpEvaluator evaluator(landscape);
  const DaemonResult result = run(evaluator, shapes_);
  EXPECT_TRUE(result.stopped);
  EXPECT_TRUE(evaluator.asked.empty());
}

TEST_F(Daemons, another_budget_or_device_is_another_task) {
  MadeUpEvaluator evaluator(landscape), other(landscape, "GPU B");
  run(evaluator, shapes_);
  EXPECT_EQ(run(other, shapes_).finished, 3);
  options_.tune.budget.evaluations = 7;
  const DaemonResult result = run(evaluator, shapes_);
  EXPECT_EQ(result.skipped, 2);
  EXPECT_EQ(result.finished, 1);
  options_.again = true;
  EXPECT_EQ(run(evaluator, shapes_).finished, 3);
}

TEST_F(Daemons, pass_over_what_cannot_be_tuned_and_say_why) {
  MadeUpEvaluator evaluator([&](const Config& config) {
    if (evaluator.asked.size() == 5) fail_input("no such thing");
    return landscape(config);
  });
  std::vector<std::string> reasons;
  options_.report = [&](DaemonEvent event, size_t index, const TuneResult*, const std::string& why) {
    if (event == DaemonEvent::failed) reasons.push_back(fmt::format("{}: {}", index, why));
  };
  const DaemonResult result = run(evaluator, shapes_);
  EXPECT_EQ(result.failed, 1);
  EXPECT_EQ(result.finished, 2);
  EXPECT_EQ(reasons, std::vector<std::string>{"1: no such thing"});
}

TEST_F(Daemons, end_with_a_failing_environment_and_try_again_later) {
  MadeUpEvaluator failing([&](const Config& config) {
    if (failing.asked.size() == 6) fail_environment("the driver is gone");
    return landscape(config);
  });
  EXPECT_THROW(run(failing, shapes_), Error);
  EXPECT_EQ(rows(), 5U);
  MadeUpEvaluator evaluator(landscape);
  const DaemonResult result = run(evaluator, shapes_);
  EXPECT_EQ(result.skipped, 1);
  EXPECT_EQ(result.finished, 2);
}

}  // namespace
}  // namespace warpfinch
