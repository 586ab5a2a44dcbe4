// The rows of chips, and which of them a GPU gets.
#include <gmock/gmock.h>

#include <set>

#include "generator/target.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

using testing::HasSubstr;

TEST(Targets, have_names_of_their_own_and_numbers_that_fit_together) {
  std::set<std::string> names;
  for (const Target& target : targets()) {
    SCOPED_TRACE(target.name);
    EXPECT_TRUE(names.insert(target.name).second);
    EXPECT_EQ(target_by_name(target.name), target);
    EXPECT_LT(target.shared_bytes_per_block, target.shared_bytes_per_multiprocessor);
    EXPECT_EQ(target.mma.rows % target.mma.warps, 0);
    EXPECT_EQ(warpgroup_rows(target), 64);
    EXPECT_TRUE(target.tma || target.max_cluster == 1);
  }
}

TEST(Targets, a_gpu_gets_its_own_row_or_the_nearest_that_it_runs) {
  const auto name = [](int major, int minor) { return target_for_device(major, minor).name; };
  EXPECT_EQ(name(9, 0), "sm_90a");
  EXPECT_EQ(name(8, 0), "sm_80");
  EXPECT_EQ(name(8, 6), "sm_86");
  EXPECT_EQ(name(8, 8), "sm_86");
  EXPECT_EQ(name(10, 2), "sm_100");
  EXPECT_EQ(nearest_target_note(8, 6), "");
  EXPECT_EQ(nearest_target_note(8, 8),
            "compute capability 8.8 has no row of its own: sm_86, the nearest that it runs");
}

TEST(Targets, older_and_unknown_gpus_are_refused_with_the_list) {
  EXPECT_EQ(find_target(7, 5), nullptr);
  try {
    target_for_device(7, 5);
    FAIL() << "a row for 7.5";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the GPU has compute capability 7.5; supported: 9.0, 8.0, 8.6"));
  }
}

// What a target cannot do no program asks of it.
TEST(Targets, without_asynchronous_products_and_a_copy_engine_nothing_waits_for_them) {
  const Problem problem = parse_problem("attention_forward q_heads=2 q_len=300 head_dim=64 mask=causal");
  const auto plan =
      generate(problem, parse_config("consumer_warpgroups=2 key_tile=64", problem), target_by_name("sm_80"));
  ASSERT_TRUE(plan) << plan.rejection().reason;
  for (const char* word : {"wait_mma", "commit_mma", "fence_", "via=tma", "regs=", "wait_store"})
    EXPECT_EQ(plan->launches[0].program.find(word), std::string::npos) << word;
  EXPECT_THAT(plan->launches[0].program, HasSubstr("via=cp_async"));
}

TEST(Targets, what_a_target_cannot_do_is_refused_with_its_name) {
  const Problem problem = parse_problem("attention_forward q_heads=2 q_len=1024 head_dim=64");
  const auto reason = [&](const std::string& config, const char* target) {
    const auto plan = generate(problem, parse_config(config, problem), target_by_name(target));
    return plan ? std::string("accepted") : plan.rejection().reason;
  };
  EXPECT_THAT(reason("consumer_warpgroups=2 key_tile=64 producer_regs=24", "sm_80"),
              HasSubstr("sm_80 cannot move registers"));
  EXPECT_THAT(reason("consumer_warpgroups=1 key_tile=64 cluster=2", "sm_120"),
              HasSubstr("sm_120 has clusters of 1 at most"));
}

}  // namespace
}  // namespace warpfinch
