// Candidates in the emulator: right ones pass, and what fails is a rejection that can be pasted.
#include "tuner/emulate.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "generator/config_space.hpp"
#include "tests/emulator/planted_fault.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tuner/evaluators.hpp"

namespace warpfinch {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::StartsWith;

const Target& sm_90a() { return target_by_name("sm_90a"); }
const std::string kProblem = "gemm batch=2 m=4096 n=4096 k=4096";
const std::string kConfig = "consumer_warpgroups=1 n_tile=64 k_tile=64 stages=2";

TEST(Emulate, a_right_config_of_a_large_problem_passes_in_seconds) {
  const TemporaryFolder folder;
  KernelCache cache(folder.path());
  const Problem problem = parse_problem(kProblem);
  EXPECT_EQ(emulate(problem, parse_config(kConfig, problem), sm_90a(), "emulator:sm_90a,seed=4", cache),
            std::nullopt);
}

// Of a kernel with that fault.
Rejection rejection_of(const std::string& right, const std::string& wrong, const std::string& emulator) {
  const TemporaryFolder folder;
  KernelCache cache(folder.path());
  const PlantedFault fault(right, wrong);
  const Problem problem = parse_problem(kProblem);
  const auto rejection = emulate(problem, parse_config(kConfig, problem), sm_90a(), emulator, cache);
  EXPECT_TRUE(rejection) << "nothing was rejected";
  return rejection.value_or(Rejection{});
}

TEST(Emulate, a_hazard_is_a_rejection_with_the_line_that_shows_it) {
  const Rejection rejection = rejection_of("fence_async();", "warp_sync();", "emulator:sm_90a,seed=4");
  EXPECT_EQ(rejection.stage, "emulator");
  EXPECT_THAT(rejection.reason, StartsWith("missing proxy fence: "));
  EXPECT_THAT(
      rejection.reason,
      ContainsRegex("; reproduce: warpfinch run --device emulator:sm_90a,seed=4,limit=120 --problem "
                    "'gemm batch=[^']*' --config 'consumer_warpgroups=1 n_tile=64 [^']*' --input-seed 1$"));
}

TEST(Emulate, a_wrong_result_is_a_rejection_with_the_line_that_shows_it) {
  const Rejection rejection =
      rejection_of("fill(c_tile, 0.0f);", "fill(c_tile, 9.0f);", "emulator:sm_90a,limit=60");
  EXPECT_EQ(rejection.stage, "emulator");
  EXPECT_THAT(rejection.reason, HasSubstr("times the bound: c["));
  EXPECT_THAT(rejection.reason,
              ContainsRegex("; reproduce: warpfinch run --device emulator:sm_90a,limit=60 --problem '[^']*' "
                            "--config '[^']*' --input-seed 1 --check$"));
}

TEST(Emulate, a_kernel_that_does_not_end_is_rejected) {
  EXPECT_THAT(rejection_of("k += 64", "k += 0", "emulator:sm_90a,limit=2").reason,
              HasSubstr("does not end: still running after 2 s (IR line "));
}

TEST(Emulate, a_stop_ends_a_launch) {
  const TemporaryFolder folder;
  KernelCache cache(folder.path());
  const PlantedFault fault("k += 64", "k += 0");  // it does not end
  const Problem problem = parse_problem(kProblem);
  const Config config = parse_config(kConfig, problem);
  emulate(problem, config, sm_90a(), "emulator:sm_90a,limit=1", cache);  // so that it is built
  std::stop_source stop;
  const std::jthread stopping([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THROW(emulate(problem, config, sm_90a(), "emulator:sm_90a", cache, stop.get_token()), Error);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Emulate, only_what_was_prepared_is_run) {
  const Prepare refuse = [](const Problem&, const Config&) {
    return Candidate{"", "", Rejection{"compile", "no"}};
  };
  const Problem problem = parse_problem(kProblem);
  // A device that does not exist would throw.
  const Candidate candidate =
      with_emulation(refuse, sm_90a(), "emulator:none")(problem, parse_config(kConfig, problem));
  EXPECT_EQ(candidate.rejection, (Rejection{"compile", "no"}));
}

TEST(Emulate, without_a_gpu_the_model_predicts_what_the_emulator_found_right) {
  const Problem problem = parse_problem("softmax rows=64 columns=200");
  const auto evaluator = model_evaluator(sm_90a(), 1, "emulator:sm_90a,seed=1");
  EXPECT_EQ(evaluator->device(), "emulator:sm_90a");
  const auto evaluations = evaluator->evaluate(problem, rank(config_space(problem, sm_90a()), 2));
  ASSERT_EQ(evaluations.size(), 2u);
  for (const Evaluation& evaluation : evaluations) {
    EXPECT_TRUE(std::holds_alternative<Prediction>(evaluation.outcome));
    EXPECT_EQ(evaluation.device, "emulator:sm_90a");
  }
}

}  // namespace
}  // namespace warpfinch
