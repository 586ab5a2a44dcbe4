// Between us and the program stands a guard, a fork of ours that runs nothing: it waits for the program's end
// and passes it on. The kernel tells the guard when we are gone (a process is told of its parent's death, but
// not of its grandparent's), and the guard kills the program's whole group: a compiler's driver is one
// process, what works for it are others.
#include "runtime/process_group.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "generator/result.hpp"
#include "runtime/descriptor.hpp"

namespace warpfinch {
namespace {

constexpr double kDeathSeconds = 20;  // the driver takes a while to take down a hung context
constexpr int kParentGone = SIGTERM;  // what the guard is sent, by the kernel or by kill()

void block_all(sigset_t* before) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, before);
}

// --- between fork and exec, and in the guard: only async-signal-safe calls ----------------------------

void restore_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// `failure`: a pipe that closes by itself when the program runs, and else gets the error's number.
[[noreturn]] void become(char* const* arguments, const ProcessGroup::Streams& streams, int failure,
                         pid_t guard) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) _exit(127);  // it died before the line above
  restore_signals();
  if (dup2(streams.input, 0) >= 0 && dup2(streams.output, 1) >= 0 && dup2(streams.errors, 2) >= 0)
    execvp(arguments[0], arguments);
  const int code = errno;
  [[maybe_unused]] const ssize_t written = write(failure, &code, sizeof code);
  _exit(127);
}

// Ends the guard as the program ended.
[[noreturn]] void end_as(int status) {
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  restore_signals();
  raise(WTERMSIG(status));
  _exit(127);
}

[[noreturn]] void guard(pid_t program) {
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  sigaddset(&awaited, kParentGone);
  for (;;) {
    if (sigwaitinfo(&awaited, nullptr) == kParentGone) ::kill(-program, SIGKILL);
    int status = 0;
    if (waitpid(program, &status, WNOHANG) == program) end_as(status);
  }
}

// All signals are blocked here, so that no handler of ours runs in it and none that the guard waits for is
// lost.
[[noreturn]] void start_and_guard(char* const* arguments, const ProcessGroup::Streams& streams, int failure,
                                  pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, kParentGone);
  if (getppid() != parent) _exit(127);  // it died before the line above
  ::signal(SIGCHLD, SIG_DFL);           // ignored, the program's end would be told to nobody
  const pid_t self = getpid(), program = _Fork();
  if (program == 0) become(arguments, streams, failure, self);
  const int code = errno;
  if (program < 0) {
    [[maybe_unused]] const ssize_t written = write(failure, &code, sizeof code);
    _exit(127);
  }
  setpgid(program, program);  // as the program does: whoever comes first
  // Others wait for the end of pipes of which this fork holds an end.
  close_range(0, ~0U, 0);
  guard(program);
}

// 0 when the program runs.
int failure_of_start(int failure) {
  int code = 0;
  ssize_t count = 0;
  while ((count = read(failure, &code, sizeof code)) < 0 && errno == EINTR) continue;
  return count == sizeof code ? code : 0;
}

}  // namespace

ProcessGroup::ProcessGroup(const std::vector<std::string>& command, const Streams& streams) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  Ends failure = pipe_to_us();
  const pid_t parent = getpid();
  sigset_t before;
  block_all(&before);
  guard_ = fork();
  if (guard_ == 0) start_and_guard(arguments.data(), streams, failure.theirs.number(), parent);
  int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  failure.theirs.close();
  if (guard_ > 0) code = failure_of_start(failure.ours.number());
  if (code == 0) return;
  if (guard_ > 0) ended_within(kDeathSeconds);
  fail_environment(fmt::format("cannot start {}: {}", command[0], std::strerror(code)));
}

bool ProcessGroup::ended_within(double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  while (!ended_) {
    int status = 0;
    const pid_t pid = waitpid(guard_, &status, WNOHANG);
    ended_ = pid == guard_ || (pid < 0 && errno == ECHILD);
    if (pid == guard_) status_ = status;
    if (ended_ || Clock::now() >= deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return ended_;
}

void ProcessGroup::kill() {
  if (ended_within(0)) return;  // the number may be another process's by now
  ::kill(guard_, kParentGone);
  ended_within(kDeathSeconds);
}

}  // namespace warpfinch
