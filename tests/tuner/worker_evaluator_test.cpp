// The parent's side of the worker, with workers that hang, crash and lie: shell scripts in place of the
// program.
#include "tuner/worker_evaluator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"
#include "tuner/child_process.hpp"

namespace warpfinch {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const Problem& a_problem() {
  static const Problem problem = parse_problem("softmax rows=64 columns=1000");
  return problem;
}

// A measurement of 5 us for request $1, as the worker words it.
constexpr const char* kPrelude = R"(
say() { echo "$1"; }
step() { say "{\"id\": $1, \"step\": \"$2\"}"; }
accuracy() { say "{\"id\": $1, \"accuracy\": {\"max_error\": $2, \"worst\": \"\"}}"; }
measurement() {
  say "{\"id\": $1, \"measurement\": {\"median_us\": $2, \"min_us\": 4, \"max_us\": 6, \
\"spread\": 0.1, \"samples_us\": [4, 5, 6], \
\"launches_per_sample\": 3, \"l2\": \"warm\", \"max_error\": 0}}"
}
right() { step $1 run; step $1 check; accuracy $1 0.5; step $1 measure; measurement $1 5; }
echo started >> "$FOLDER/starts"
say '{"ready": true}'
)";

class Workers : public ::testing::Test {
 protected:
  // A worker that runs `body` for each request; $id is its number, $count counts the requests of this
  // process.
  std::unique_ptr<Evaluator> worker(const std::string& body, double limit = 20, Prepare prepare = {},
                                    std::stop_token stop = {}) {
    return worker_of(std::string(kPrelude) + "count=0\nwhile read -r line; do\ncount=$((count + 1))\n" +
                         "id=${line#*:}; id=${id%%,*}\n" + body + "\ndone\n",
                     limit, std::move(prepare), std::move(stop));
  }

  std::unique_ptr<Evaluator> worker_of(const std::string& script, double limit = 20, Prepare prepare = {},
                                       std::stop_token stop = {}) {
    const auto file = folder_.path() / "worker.sh";
    std::ofstream(file) << "FOLDER='" << folder_.path().string() << "'\n" << script;
    WorkerEvaluatorOptions options;
    options.command = {"/bin/sh", file.string()};
    options.machine = {.device = "GPU A", .driver = "13.0", .nvrtc = "13.0"};
    options.time_limit_s = limit;
    options.start_limit_s = 5;
    options.stop = std::move(stop);
    options.prepare = prepare ? prepare : [](const Problem&, const Config&) {
      return Candidate{"digest", "13.0", {}};
    };
    return worker_evaluator(std::move(options));
  }

  static std::vector<Evaluation> ask(Evaluator& evaluator, size_t count = 3) {
    return evaluator.evaluate(a_problem(), rank(config_space(a_problem(), sm_90a()), count));
  }

  // "5" for a right measurement, "stage: reason" for a rejection.
  static std::vector<std::string> outcomes(const std::vector<Evaluation>& evaluations) {
    std::vector<std::string> texts;
    for (const Evaluation& e : evaluations) {
      const auto* rejection = std::get_if<Rejection>(&e.outcome);
      texts.push_back(rejection ? rejection->stage + ": " + rejection->reason
                                : fmt::format("{}", cost_us(e)));
    }
    return texts;
  }

  int starts() const {
    std::ifstream file(folder_.path() / "starts");
    int count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
  }

  TemporaryFolder folder_;
};

TEST_F(Workers, a_good_worker_measures_every_candidate_in_one_process) {
  const auto evaluator = worker("right $id");
  const auto evaluations = ask(*evaluator);
  EXPECT_EQ(outcomes(evaluations), (std::vector<std::string>{"5", "5", "5"}));
  EXPECT_EQ(starts(), 1);
  EXPECT_EQ(evaluations[0].device, "GPU A");
  EXPECT_EQ(evaluations[0].driver, "13.0");
  EXPECT_EQ(evaluations[0].digest, "digest");
  EXPECT_EQ(std::get<Measurement>(evaluations[0].outcome).max_error, 0.5);
  EXPECT_EQ(std::get<Measurement>(evaluations[0].outcome).samples_us.size(), 3U);
}

TEST_F(Workers, a_hanging_kernel_is_killed_and_the_next_candidate_measured) {
  const auto evaluator = worker("step $id run; if [ $id = 2 ]; then sleep 1000; fi; right $id", 0.4);
  const auto begin = std::chrono::steady_clock::now();
  const auto texts = outcomes(ask(*evaluator));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(texts[0], "5");
  EXPECT_THAT(texts[1], AllOf(HasSubstr("time limit: "), HasSubstr("0.4 s"), HasSubstr("'run'")));
  EXPECT_EQ(texts[2], "5");
  EXPECT_EQ(starts(), 2);
}

TEST_F(Workers, what_only_the_host_does_has_a_limit_of_its_own) {
  const auto evaluator = worker("step $id check; sleep 0.5; right $id", 0.2);
  EXPECT_EQ(outcomes(ask(*evaluator, 1)), std::vector<std::string>{"5"});
}

TEST_F(Workers, a_crash_is_a_rejection_with_signal_and_last_words) {
  const auto evaluator = worker(
      "step $id run; if [ $id = 1 ]; then echo first >&2; echo 'last words' >&2; kill -SEGV $$; fi; "
      "right $id");
  const auto texts = outcomes(ask(*evaluator));
  EXPECT_THAT(texts[0], AllOf(HasSubstr("crash: "), HasSubstr("'run'"), HasSubstr("signal 11"),
                              HasSubstr("last words"), Not(HasSubstr("first"))));
  EXPECT_EQ(texts[1], "5");
  EXPECT_EQ(starts(), 2);
}

TEST_F(Workers, an_exit_is_a_rejection_with_its_status) {
  const auto evaluator = worker("step $id measure; exit 3");
  const auto texts = outcomes(ask(*evaluator, 1));
  EXPECT_THAT(texts[0], AllOf(HasSubstr("crash"), HasSubstr("exit status 3")));
}

TEST_F(Workers, a_dead_context_is_a_rejection_and_a_new_worker) {
  const auto evaluator = worker(R"(step $id run
if [ $id = 1 ]; then
  say "{\"id\": $id, \"rejection\": {\"stage\": \"crash\", \"reason\": \"illegal address\"}, \
\"ending\": true}"; sleep 1; exit 1
fi
right $id)");
  const auto texts = outcomes(ask(*evaluator, 2));
  EXPECT_EQ(texts[0], "crash: illegal address");
  EXPECT_EQ(texts[1], "5");
  EXPECT_EQ(starts(), 2);
}

TEST_F(Workers, one_that_died_while_idle_costs_no_candidate) {
  const auto evaluator = worker("right $id; exit 0");
  EXPECT_EQ(outcomes(ask(*evaluator)), (std::vector<std::string>{"5", "5", "5"}));
  EXPECT_EQ(starts(), 3);
}

TEST_F(Workers, a_wrong_result_is_never_a_measurement) {
  const std::vector<std::string> errors{"1.01", "1e9", "null", "\"none\"", "-0.5"};
  for (const std::string& error : errors) {
    const auto evaluator = worker("step $id run; accuracy $id '" + error + "'; measurement $id 5");
    EXPECT_THAT(outcomes(ask(*evaluator, 1))[0], HasSubstr("correctness: ")) << error;
  }
}

TEST_F(Workers, a_time_without_a_check_is_no_measurement) {
  const auto evaluator = worker("step $id run; measurement $id 5");
  EXPECT_THAT(outcomes(ask(*evaluator, 1))[0], HasSubstr("correctness: "));
}

TEST_F(Workers, nonsense_is_a_rejection_and_a_new_worker) {
  for (const char* body :
       {"echo hello", "echo '{'", "echo '[]'", "echo '{}'", "measurement 999 5",
        "accuracy $id 0.1; measurement $id 0", "accuracy $id 0.1; measurement $id -3",
        "accuracy $id 0.1; measurement $id null",
        "accuracy $id 0.1; say \"{\\\"id\\\": $id, \\\"measurement\\\": 5}\"",
        "say \"{\\\"id\\\": $id, \\\"rejection\\\": 1}\"",
        "accuracy $id 0.1; say \"{\\\"id\\\": $id, \\\"measurement\\\": {\\\"median_us\\\": 5}}\"",
        "while true; do step $id compile; done", "head -c 20000000 /dev/zero"}) {
    const auto evaluator = worker(std::string("step $id run; ") + body);
    EXPECT_THAT(outcomes(ask(*evaluator, 1))[0],
                testing::AnyOf(HasSubstr("protocol: "), HasSubstr("crash: ")))
        << body;
  }
}

TEST_F(Workers, a_machine_at_fault_ends_the_tuning) {
  const auto message = [&](std::unique_ptr<Evaluator> evaluator) -> std::string {
    try {
      ask(*evaluator, 1);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::environment);
      EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
      return error.what();
    }
    return "none";
  };
  EXPECT_THAT(message(worker("say '{\"error\": \"out of memory\"}'")), HasSubstr("out of memory"));
  EXPECT_THAT(message(worker_of("echo '{\"error\": \"no GPU\"}'")), HasSubstr("no GPU"));
  EXPECT_THAT(message(worker_of("echo no such device >&2; exit 1")),
              AllOf(HasSubstr("did not start"), HasSubstr("exit status 1"), HasSubstr("no such device")));
  EXPECT_THAT(message(worker_of("echo hello; sleep 100")), HasSubstr("hello"));
  WorkerEvaluatorOptions options;
  options.command = {"/nowhere/warpfinch", "worker"};
  options.prepare = [](const Problem&, const Config&) { return Candidate{}; };
  EXPECT_THAT(message(worker_evaluator(options)), HasSubstr("/nowhere/warpfinch"));
}

TEST_F(Workers, say_which_cubin_they_ran) {
  const Prepare prepare = [](const Problem&, const Config&) {
    return Candidate{"digest", "13.0", {}, "compiled here"};
  };
  EXPECT_EQ(ask(*worker("right $id", 20, prepare), 1)[0].cubin, "compiled here");
  const auto evaluator =
      worker("say \"{\\\"id\\\": $id, \\\"cubin\\\": \\\"loaded there\\\"}\"; right $id", 20, prepare);
  const auto evaluations = ask(*evaluator, 1);
  EXPECT_EQ(evaluations[0].cubin, "loaded there");
  EXPECT_EQ(outcomes(evaluations)[0], "5");
}

TEST_F(Workers, are_not_asked_what_is_known_of_the_cubin) {
  const auto evaluator = worker("right $id", 20, [](const Problem&, const Config&) {
    return Candidate{"digest", "13.0", {}, "cubin"};
  });
  std::vector<Evaluation> taken;
  evaluator->evaluate_each(
      a_problem(), rank(config_space(a_problem(), sm_90a()), 1),
      [&](const Evaluation& e) { return taken.push_back(e), true; },
      [](const Evaluation& compiled) {
        EXPECT_EQ(compiled.cubin, "cubin");
        return made_up("p", "named otherwise", measured(3), "GPU A", "d", "2026-01-01");
      });
  EXPECT_EQ(outcomes(taken), std::vector<std::string>{"3"});
  EXPECT_EQ(taken[0].time, "2026-01-01");
  EXPECT_NE(taken[0].config, "named otherwise");
  EXPECT_EQ(starts(), 0);
}

TEST_F(Workers, a_candidate_that_fails_before_never_meets_the_worker) {
  const auto evaluator = worker("right $id", 20, [](const Problem&, const Config&) {
    return Candidate{"digest", "13.0", Rejection{"resources", "spills 64 bytes"}};
  });
  EXPECT_EQ(outcomes(ask(*evaluator))[2], "resources: spills 64 bytes");
  EXPECT_EQ(starts(), 0);
}

TEST_F(Workers, an_error_of_the_preparation_is_not_swallowed) {
  const auto evaluator = worker("right $id", 20, [](const Problem&, const Config&) -> Candidate {
    fail_environment("NVRTC is missing");
  });
  EXPECT_THROW(ask(*evaluator), Error);
}

TEST_F(Workers, preparation_runs_beside_the_measuring_and_keeps_the_order) {
  std::atomic<int> prepared = 0;
  const auto evaluator = worker("right $id", 20, [&](const Problem&, const Config& config) {
    std::this_thread::sleep_for(std::chrono::milliseconds(++prepared % 2 * 30));
    return Candidate{to_text(config), "13.0", {}};
  });
  for (const Evaluation& evaluation : ask(*evaluator, 8)) EXPECT_EQ(evaluation.digest, evaluation.config);
}

TEST_F(Workers, a_stop_gives_up_the_candidate_in_hand_and_says_nothing_of_it) {
  std::stop_source stop;
  std::jthread stopping([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  for (const char* body : {"step $id run; if [ $id = 2 ]; then sleep 1000; fi; right $id", "right $id"}) {
    const auto evaluator = worker(body, 20, {}, stop.get_token());
    EXPECT_LE(ask(*evaluator).size(), 1U) << body;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(Workers, a_stop_ends_the_waiting_for_one_that_does_not_get_ready) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(ask(*worker_of("sleep 1000", 20, {}, stop.get_token())).empty());
}

// What is being prepared may fail by the stop itself.
TEST_F(Workers, a_stop_hides_how_a_preparation_failed) {
  std::stop_source stop;
  const auto evaluator = worker(
      "right $id", 20,
      [&](const Problem&, const Config&) -> Candidate {
        stop.request_stop();
        fail_environment("the host compiler was killed");
      },
      stop.get_token());
  EXPECT_TRUE(ask(*evaluator).empty());
}

TEST_F(Workers, a_sink_that_has_enough_ends_the_batch) {
  const auto evaluator = worker("right $id");
  int taken = 0;
  evaluator->evaluate_each(a_problem(), rank(config_space(a_problem(), sm_90a()), 8),
                           [&](const Evaluation&) { return ++taken < 2; }, {});
  EXPECT_EQ(taken, 2);
}

// --- the process itself ---------------------------------------------------------------------------------
TEST(ChildProcesses, do_not_outlive_their_parent_object) {
  TemporaryFolder folder;
  const auto file = folder.path() / "pid";
  pid_t pid = 0;
  {
    ChildProcess child({"/bin/sh", "-c", "echo $$; sleep 1000 & sleep 1000"});
    pid = std::stoi(child.receive(5).line);
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
  // A killed grandchild stays in the group until whoever inherits orphans has reaped it.
  for (int waits = 0; kill(-pid, 0) == 0 && waits < 500; ++waits)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_NE(kill(-pid, 0), 0) << "its own children live on";
}

TEST(ChildProcesses, take_and_give_long_lines) {
  ChildProcess child({"/bin/cat"});
  const std::string line(100000, 'x');
  std::thread sender([&] { EXPECT_TRUE(child.send(line)); });
  const auto answer = child.receive(10);
  sender.join();
  EXPECT_EQ(answer.line, line);
}

TEST(ChildProcesses, that_closed_their_output_are_ended) {
  ChildProcess child({"/bin/sh", "-c", "exec >&-; sleep 1000"});
  EXPECT_EQ(child.receive(5).kind, ChildProcess::Answer::Kind::ended);
  EXPECT_TRUE(child.ended());
  EXPECT_FALSE(child.send("x"));
}

}  // namespace
}  // namespace warpfinch
