// Signals to the program: whenever they come, a command ends in the ordinary way, and nothing that it started
// is left behind.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGemm = "gemm m=64 n=64 k=64";

// A host compiler that does not come to an end, and sends a signal to our whole process group once it runs:
// as a terminal does at Ctrl-C. In the file "pids" it leaves its number, and that of a process that it
// started.
class SlowCompiler : public testing::Test {
 protected:
  // Runs the program, which the compiler sends that signal.
  Finished signalled(const std::string& signal, const std::vector<std::string>& arguments) {
    const std::string file = program_.write("cxx", R"(#!/bin/sh
[ "$1" = --version ] && exec echo 1
sleep 1000 &
echo $! $$ >)" + program_.path("pids") + R"(
program=$(cut -d' ' -f4 /proc/$PPID/stat)
kill -s )" + signal + R"( -- -$(cut -d' ' -f5 /proc/$program/stat)
wait
)");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    program_.set("CXX", file);
    program_.set("TMPDIR", program_.path("."));         // where a killed program leaves its files
    return program_.signalled(arguments, "KILL", 100);  // in a group of its own, and should all else fail
  }

  // True once both of them are dead; false when they never ran, or still run after a while.
  bool are_dead() {
    std::istringstream pids(program_.read("pids"));
    int count = 0, alive = 0;
    for (std::string pid; pids >> pid; ++count) alive += !dies(pid);
    return count == 2 && alive == 0;
  }

  Program program_;

 private:
  static bool dies(const std::string& pid) {
    for (int looks = 0; looks < 500; ++looks) {
      std::ifstream stream("/proc/" + pid + "/stat");
      std::string stat;
      if (!std::getline(stream, stat) || stat.find(") Z ") != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
};

// The compiler must not get it, for that would look like its crash.
TEST_F(SlowCompiler, ctrl_c_stops_a_tune) {
  for (const std::string signal : {"INT", "TERM"}) {
    const Finished tune =
        signalled(signal, {"tune", "--emulate", "--problem", kGemm, "--budget", "1000s", "--json"});
    EXPECT_EQ(tune.code, 0) << tune.err;
    EXPECT_THAT(tune.err, testing::Not(HasSubstr("compiler")));
    ASSERT_FALSE(tune.objects().empty());
    EXPECT_EQ(tune.objects().back()["stopped"], true);
    EXPECT_TRUE(are_dead());
  }
}

TEST_F(SlowCompiler, a_command_that_a_signal_ends_takes_its_compiler_along) {
  for (const auto& [signal, number] : {std::pair{"TERM", 15}, std::pair{"INT", 2}, std::pair{"KILL", 9}}) {
    const Finished run = signalled(signal, {"run", "--device", "emulator:sm_90a", "--problem", kGemm});
    EXPECT_EQ(run.code, 128 + number) << run.err;
    EXPECT_TRUE(are_dead()) << signal;
  }
}

// NVRTC has handlers of its own while it compiles, which end the program with status 4.
TEST(Signals, at_any_moment_of_a_compilation_stop_a_tune) {
  Program program;
  NEEDS_NVRTC(program);
  int run = 0;
  for (const char* signal : {"TERM", "INT"})
    for (const double seconds : {0.06, 0.12, 0.2, 0.3, 0.45}) {
      program.set("WARPFINCH_CACHE_DIR", program.path("cache" + std::to_string(run++)));
      const Finished tune = program.signalled(
          {"tune", "--problem", "attention_forward q_len=512 head_dim=128 mask=causal", "--budget", "100s"},
          signal, seconds);
      // Before the program has come to its tuning a signal ends it as any program.
      EXPECT_THAT(tune.code, testing::AnyOf(0, 128 + 15, 128 + 2)) << signal << " after " << seconds << " s";
      EXPECT_THAT(tune.out, testing::AnyOf("", HasSubstr(", stopped)")));
    }
}

// SIGXFSZ would kill it without a word.
TEST(Signals, a_limit_on_the_size_of_files_is_a_failing_write) {
  const Program program;
  const Finished tune =
      program.limited({"tune", "--problem", "softmax rows=64 columns=200", "--budget", "2"}, "ulimit -f 8");
  EXPECT_EQ(tune.code, 1) << tune.err;
  EXPECT_THAT(tune.err, HasSubstr("\nwarpfinch: database " + program.path("data")));
  const Program another;
  const Finished run = another.limited(
      {"run", "--device", "emulator:sm_90a", "--problem", "softmax rows=64 columns=200"}, "ulimit -f 16");
  EXPECT_EQ(run.code, 1);
  // Either a file of ours is too large, or that of the host compiler, which then ends as programs do.
  EXPECT_THAT(run.err, AllOf(StartsWith("warpfinch: "),
                             testing::AnyOf(EndsWith(": File too large\n"), HasSubstr("killed by signal"))));
}

TEST(Signals, no_jobs_are_no_tuning) {
  const Program program;
  for (const char* jobs : {"0", "-1", "x", "1.5", "99999999999"})
    EXPECT_THAT(
        program({"tune", "--jobs", jobs, "--problem", kGemm}).err,
        StartsWith(fmt::format("warpfinch: --jobs: '{}' should be a whole number from 1 to 256", jobs)));
}

}  // namespace
}  // namespace warpfinch
