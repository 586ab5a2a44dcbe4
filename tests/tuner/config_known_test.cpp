// What counts as known before, what answers, and what is forgotten.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tuner/made_up.hpp"
#include "tuner/config_database.hpp"

namespace warpfinch {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::string kProblem = to_text(parse_problem("gemm m=4096 n=4096 k=4096"));

class Known : public ::testing::Test {
 protected:
  // A kernel by its text and cubin, compiled and run as said.
  static Evaluation kernel(const std::string& config, const std::string& digest, const std::string& cubin,
                           Outcome outcome = Prediction{1}, const std::string& nvrtc = "13.0",
                           const std::string& driver = "13.0") {
    Evaluation row = made_up(kProblem, config, std::move(outcome), "GPU A", digest);
    row.cubin = cubin;
    row.nvrtc = nvrtc;
    row.driver = driver;
    return row;
  }
  Best best(const Machine& machine = {"GPU A"}) const {
    return database_.best(parse_problem(kProblem), machine);
  }

  ConfigDatabase database_ = ConfigDatabase::in_memory();
};

TEST_F(Known, a_rejection_by_one_nvrtc_holds_for_no_other_and_not_for_its_absence) {
  database_.record(kernel("c", "d", "", Rejection{"resources", "spills 64 bytes"}, "12.9"));
  database_.record(kernel("c", "d", "", Prediction{3}, ""));
  EXPECT_TRUE(database_.find(kernel("c", "d", "", {}, "12.9")));
  EXPECT_FALSE(database_.find(kernel("c", "d", "", {}, "13.0")));
  EXPECT_FALSE(database_.find(kernel("c", "d", "", {}, "12.9", "12.4")));
}

TEST_F(Known, an_equal_cubin_is_known_whatever_else_was_renamed) {
  database_.record(kernel("stages=2", "old text", "cubin", measured(5), "12.9"));
  const auto found = database_.find(kernel("ring=2", "new text", "cubin"));
  ASSERT_TRUE(found);
  EXPECT_EQ(cost_us(*found), 5);
  EXPECT_FALSE(database_.find(kernel("ring=2", "new text", "another"))) << "no digest in common";
  EXPECT_FALSE(database_.find(kernel("ring=2", "new text", ""))) << "nothing was compiled";
  database_.record(kernel("illegal", "", "", Rejection{"config", "x"}));
  EXPECT_FALSE(database_.find(kernel("another", "", ""))) << "nothing was generated";
}

TEST_F(Known, a_cubin_that_was_wrong_never_answers_under_any_name) {
  database_.record(kernel("ring=2", "new text", "cubin", measured(5)));
  EXPECT_EQ(best().config, "ring=2");
  database_.record(kernel("stages=2", "old text", "cubin", Rejection{"correctness", "x"}, "12.9"));
  EXPECT_EQ(best().how, Lookup::none);
}

TEST_F(Known, what_one_nvrtc_made_wrong_another_may_make_right) {
  database_.record(kernel("a", "d", "bad", Rejection{"correctness", "x"}, "12.9"));
  database_.record(kernel("b", "d", "good", measured(5), "13.0"));
  EXPECT_EQ(best().config, "b");
}

TEST_F(Known, a_row_of_another_driver_answers_and_says_so) {
  database_.record(kernel("c", "d", "", measured(5), "12.9", "12.4"));
  EXPECT_EQ(best({.device = "GPU A", .driver = "13.0", .nvrtc = "13.0"}).differences,
            "driver 12.4, nvrtc 12.9");
  EXPECT_EQ(best({.device = "GPU A", .driver = "12.4"}).differences, "");
  EXPECT_EQ(best({.device = "GPU B", .driver = "13.0"}).differences, "") << "another device says more";
}

TEST_F(Known, times_of_another_regime_target_or_maker_do_not_answer) {
  Measurement cold = measured(1);
  cold.l2 = "cold";
  database_.record(kernel("cold", "d1", "", cold));
  Evaluation other = kernel("other target", "d2", "", measured(2));
  other.target = "sm_80";
  Evaluation library = kernel("a library", "d3", "", measured(3));
  library.provider = "cudnn";
  database_.record({other, library, kernel("ours", "d4", "", measured(9))});
  EXPECT_EQ(best().config, "ours");
  EXPECT_EQ(best({.device = "GPU A", .target = "sm_80"}).config, "other target");
  const auto answers = database_.answers(parse_problem(kProblem), {"GPU A"}, 0, cold);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].config, "cold");
}

TEST_F(Known, ties_are_decided_alike_whatever_came_first) {
  const Evaluation a = kernel("c", "d1", "", measured(5)), b = kernel("c", "d2", "", measured(6));
  ConfigDatabase other = ConfigDatabase::in_memory();
  database_.record({a, b});
  other.record({b, a});
  EXPECT_EQ(best().median_us, other.best(parse_problem(kProblem), {"GPU A"}).median_us);
}

// --- forgetting
// ----------------------------------------------------------------------------------------------
TEST_F(Known, rows_are_forgotten_by_patterns_that_all_match) {
  database_.record({kernel("a", "d1", "", measured(1)), kernel("b", "d2", "", measured(2), "13.0", "12.4"),
                    made_up("softmax", "a", measured(3), "GPU B"),
                    made_up("softmax", "b", Rejection{"compile", "x"}, "GPU B")});
  const auto would = database_.forget({{"driver", "12.*"}}, true);
  ASSERT_THAT(would, SizeIs(1));
  EXPECT_EQ(would[0].rows, 1);
  EXPECT_THAT(database_.evaluations(), SizeIs(4)) << "a dry run";
  EXPECT_THAT(database_.forget({{"driver", "12.*"}, {"device", "GPU B"}}), SizeIs(0));
  EXPECT_THAT(database_.forget({{"driver", "12.*"}, {"problem", "gemm*"}}), SizeIs(1));
  EXPECT_THAT(database_.forget({{"outcome", "rejected"}}), SizeIs(1));
  EXPECT_THAT(database_.evaluations(), SizeIs(2));
  EXPECT_THROW(database_.forget({}), Error);
  try {
    database_.forget({{"evaluations; DROP TABLE x", "*"}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("known: problem, config"));
  }
}

TEST_F(Known, a_problem_without_rows_is_finished_no_longer) {
  const auto task = [](const std::string& device) {
    return ConfigDatabase::Task{kProblem, "", "sm_90a", device, "13.0", "13.0", "60s"};
  };
  database_.record({kernel("a", "d1", "", measured(1)), kernel("b", "d2", "", measured(2))});
  database_.set_finished(task("GPU A"));
  database_.set_finished(task("GPU B"));
  database_.forget({{"config", "a"}});
  EXPECT_TRUE(database_.finished(task("GPU A"))) << "b is still there";
  database_.forget({{"config", "b"}});
  EXPECT_FALSE(database_.finished(task("GPU A")));
  EXPECT_TRUE(database_.finished(task("GPU B"))) << "nothing of it was forgotten";
}

}  // namespace
}  // namespace warpfinch
