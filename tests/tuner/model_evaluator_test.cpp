// Without a GPU: predictions that call themselves predictions, rejections with their reason.
#include <gtest/gtest.h>

#include "generator/config_space.hpp"
#include "runtime/compiler.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"
#include "tuner/evaluators.hpp"

namespace warpfinch {
namespace {

class Modelled : public ::testing::Test {
 protected:
  void SetUp() override { setenv("WARPFINCH_CACHE_DIR", folder_.path().c_str(), 1); }
  void TearDown() override { unsetenv("WARPFINCH_CACHE_DIR"); }

  TemporaryFolder folder_;
  Problem problem_ = parse_problem("softmax rows=64 columns=1000");
  std::vector<Config> configs_ = rank(config_space(problem_, sm_90a()), 2);
};

TEST_F(Modelled, outcomes_are_predictions_in_order) {
  const auto evaluator = model_evaluator(sm_90a());
  EXPECT_EQ(evaluator->device(), "model:sm_90a");
  const auto evaluations = evaluator->evaluate(problem_, configs_);
  ASSERT_EQ(evaluations.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    const Evaluation& e = evaluations[i];
    EXPECT_EQ(e.config, to_text(configs_[i]));
    EXPECT_EQ(e.device, "model:sm_90a");
    EXPECT_EQ(e.driver, "");
    EXPECT_EQ(e.nvrtc, nvrtc_version()) << "says with what it was compiled, and nothing where it was not";
    EXPECT_EQ(e.digest.size(), 32U);
    ASSERT_TRUE(std::holds_alternative<Prediction>(e.outcome)) << std::get<Rejection>(e.outcome).reason;
    EXPECT_EQ(std::get<Prediction>(e.outcome).us, predict_us(problem_, configs_[i], sm_90a()));
  }
}

TEST_F(Modelled, an_impossible_config_is_rejected_not_predicted) {
  const Config impossible = parse_config("warps=64 column_tile=512", problem_);
  const auto evaluation = model_evaluator(sm_90a())->evaluate(problem_, {impossible}).at(0);
  ASSERT_TRUE(std::holds_alternative<Rejection>(evaluation.outcome));
  EXPECT_EQ(std::get<Rejection>(evaluation.outcome).stage, "config");
}

TEST(Devices, that_are_not_there_or_no_devices_are_told_apart) {
  const auto kind = [](const std::string& device) {
    try {
      device_evaluator({.device = device, .worker = "/bin/true"});
    } catch (const Error& error) {
      return error.kind;
    }
    ADD_FAILURE() << device << " was taken";
    return ErrorKind::environment;
  };
  EXPECT_EQ(kind("cuda:77"), ErrorKind::environment);
  EXPECT_EQ(kind("gpu"), ErrorKind::input);
}

}  // namespace
}  // namespace warpfinch
