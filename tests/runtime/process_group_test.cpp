// Programs that we start: their signals are in order, they are a group of their own, and none outlives us.
#include "runtime/process_group.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "generator/result.hpp"
#include "runtime/descriptor.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

using testing::HasSubstr;

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Gone, or dead and only not yet noticed by whoever inherits orphans.
bool is_dead(int pid) {
  const std::string stat = content_of("/proc/" + std::to_string(pid) + "/stat");
  return stat.empty() || stat.find(") Z ") != std::string::npos;
}

bool happens(const std::function<bool()>& event) {
  for (int waits = 0; waits < 1000 && !event(); ++waits)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return event();
}

class ProcessGroups : public testing::Test {
 protected:
  // Runs a shell with its standard output in the file "out".
  std::unique_ptr<ProcessGroup> shell(const std::string& script) {
    const Descriptor nothing = open_file("/dev/null", O_RDWR),
                     out = open_file(out_, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return std::make_unique<ProcessGroup>(
        std::vector<std::string>{"sh", "-c", script},
        ProcessGroup::Streams{nothing.number(), out.number(), nothing.number()});
  }

  // The numbers in the file "out", once there are so many.
  std::vector<int> pids(size_t count) {
    std::vector<int> pids;
    happens([&] {
      pids.clear();
      std::istringstream text(content_of(out_));
      for (int pid; text >> pid;) pids.push_back(pid);
      return pids.size() == count;
    });
    return pids;
  }

  TemporaryFolder folder_;
  const std::string out_ = folder_.path() / "out";
};

// A shell and one that it has started.
constexpr const char* kTwo = "sh -c 'echo $$; sleep 1000' & echo $$; wait";

TEST_F(ProcessGroups, pass_on_how_the_program_ended) {
  const auto exits = shell("exit 3"), dies = shell("kill -SEGV $$");
  ASSERT_TRUE(exits->ended_within(20) && dies->ended_within(20));
  EXPECT_EQ(WEXITSTATUS(exits->status()), 3);
  EXPECT_EQ(WTERMSIG(dies->status()), SIGSEGV);
}

TEST_F(ProcessGroups, say_why_a_program_does_not_start) {
  const auto message = [](const std::string& program) -> std::string {
    try {
      const ProcessGroup group({program}, {0, 1, 2});
    } catch (const Error& error) {
      return error.what();
    }
    return "it started";
  };
  EXPECT_EQ(message("no-such-program"), "cannot start no-such-program: No such file or directory");
  EXPECT_EQ(message("/dev/null"), "cannot start /dev/null: Permission denied");
}

TEST_F(ProcessGroups, start_with_no_signal_blocked_or_ignored) {
  sigset_t some, before;
  sigemptyset(&some);
  sigaddset(&some, SIGINT);
  pthread_sigmask(SIG_BLOCK, &some, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const auto program = shell("exec grep -E 'SigBlk|SigIgn' /proc/self/status");
  ASSERT_TRUE(program->ended_within(20));
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, &before, &after);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(content_of(out_), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  EXPECT_EQ(sigismember(&after, SIGINT), 1) << "our own mask is another one";
  EXPECT_EQ(sigismember(&after, SIGTERM), 0) << "our own mask is another one";
}

TEST_F(ProcessGroups, are_groups_of_their_own) {
  const auto program = shell("cut -d' ' -f5 /proc/self/stat; echo $$");
  ASSERT_TRUE(program->ended_within(20));
  const std::vector<int> numbers = pids(2);
  ASSERT_EQ(numbers.size(), 2U);
  EXPECT_NE(numbers[0], getpgrp());
  EXPECT_EQ(numbers[0], numbers[1]);
}

TEST_F(ProcessGroups, have_their_streams_where_we_have_none) {
  const pid_t child = fork();
  if (child == 0) {
    for (int stream : {0, 1, 2}) close(stream);
    _exit(shell("echo written && exec cat")->ended_within(20) ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(content_of(out_), "written\n");
}

TEST_F(ProcessGroups, end_with_all_that_they_started) {
  auto program = shell(kTwo);
  const std::vector<int> started = pids(2);
  ASSERT_EQ(started.size(), 2U);
  program.reset();
  for (int pid : started) EXPECT_TRUE(happens([&] { return is_dead(pid); }));
}

// As after kill -9, where nothing of ours can run any more.
TEST_F(ProcessGroups, do_not_outlive_a_process_that_was_killed) {
  const pid_t child = fork();
  if (child == 0) {
    const auto program = shell(kTwo);
    pause();
    _exit(0);
  }
  const std::vector<int> started = pids(2);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ASSERT_EQ(started.size(), 2U);
  for (int pid : started) EXPECT_TRUE(happens([&] { return is_dead(pid); })) << "still runs: " << pid;
}

}  // namespace
}  // namespace warpfinch
