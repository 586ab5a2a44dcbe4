// A child process, by fork and exec: posix_spawn cannot ask for the signal at the parent's death.
#include "tuner/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "generator/result.hpp"

namespace warpfinch {

namespace {

constexpr size_t kMostOutput = size_t{16} << 20;  // of one line; more is no answer but a runaway
constexpr size_t kMostErrors = 4096;              // the end of standard error is what is quoted
constexpr double kDeathSeconds = 20;              // the driver takes a while to take down a hung context

using Clock = std::chrono::steady_clock;

double seconds_until(Clock::time_point deadline) {
  return std::chrono::duration<double>(deadline - Clock::now()).count();
}

Clock::time_point deadline_in(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void close_all(std::initializer_list<int> files) {
  for (const int file : files)
    if (file >= 0) close(file);
}

// Runs in the child between fork and exec, where only async-signal-safe calls are allowed.
[[noreturn]] void become(char* const* arguments, int input, int output, int errors, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT}) ::signal(signal, SIG_DFL);
  if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) _exit(127);
  execv(arguments[0], arguments);
  const char words[] = "cannot be executed\n";
  if (write(2, words, sizeof words - 1) < 0) _exit(126);
  _exit(127);
}

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  const size_t start = text.rfind('\n');
  return start == std::string::npos ? text : text.substr(start + 1);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  // Input is a socket: writing to one whose reader has died can be asked not to raise SIGPIPE.
  std::array<int, 2> input{-1, -1}, output{-1, -1}, errors{-1, -1};
  const bool open = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input.data()) == 0 &&
                    pipe2(output.data(), O_CLOEXEC) == 0 && pipe2(errors.data(), O_CLOEXEC) == 0;
  const pid_t parent = getpid();
  if (open) pid_ = fork();
  if (pid_ == 0) become(arguments.data(), input[1], output[1], errors[1], parent);
  const int code = errno;
  close_all({input[1], output[1], errors[1]});
  if (pid_ < 0) {
    close_all({input[0], output[0], errors[0]});
    fail_environment(fmt::format("cannot start {}: {}", command[0], std::strerror(code)));
  }
  input_ = input[0], output_ = output[0], errors_ = errors[0];
  fcntl(output_, F_SETFL, O_NONBLOCK);
  fcntl(errors_, F_SETFL, O_NONBLOCK);
}

ChildProcess::~ChildProcess() {
  kill();
  close_all({input_, output_, errors_});
}

bool ChildProcess::send(std::string line) {
  line += '\n';
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t count = ::send(input_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    sent += static_cast<size_t>(count);
  }
  return true;
}

bool ChildProcess::take_line(std::string& line) {
  const size_t end = received_.find('\n');
  if (end == std::string::npos) return false;
  line = received_.substr(0, end);
  received_.erase(0, end + 1);
  return true;
}

// false at the end of the output, or when it is longer than any answer.
bool ChildProcess::read_output() {
  std::array<char, 65536> chunk;
  const ssize_t count = read(output_, chunk.data(), chunk.size());
  if (count > 0) received_.append(chunk.data(), static_cast<size_t>(count));
  const bool again = count < 0 && (errno == EAGAIN || errno == EINTR);
  return (count > 0 || again) && received_.size() < kMostOutput;
}

void ChildProcess::read_errors() {
  std::array<char, 4096> chunk;
  ssize_t count = 0;
  while ((count = read(errors_, chunk.data(), chunk.size())) > 0) {
    words_.append(chunk.data(), static_cast<size_t>(count));
    if (words_.size() > kMostErrors) words_.erase(0, words_.size() - kMostErrors);
  }
  if (count == 0) close(errors_), errors_ = -1;  // closed: poll passes over -1, and would not wait otherwise
}

ChildProcess::Answer ChildProcess::receive(double seconds) {
  const Clock::time_point deadline = deadline_in(seconds);
  for (std::string line;;) {
    if (take_line(line)) return {Answer::Kind::line, line};
    const double left = seconds_until(deadline);
    if (left <= 0) return {Answer::Kind::time_limit, {}};
    std::array<pollfd, 2> files{pollfd{output_, POLLIN, 0}, pollfd{errors_, POLLIN, 0}};
    // An interrupted poll (a signal that only sets the stop flag) goes on with the time that is left.
    if (poll(files.data(), files.size(), static_cast<int>(std::ceil(left * 1000))) <= 0) continue;
    if (files[1].revents) read_errors();
    if (files[0].revents && !read_output()) {
      if (!reap(0.5)) kill();  // it closed its output but lives: of no more use
      if (errors_ >= 0) read_errors();
      return {Answer::Kind::ended, {}};
    }
  }
}

bool ChildProcess::reap(double seconds) {
  const Clock::time_point deadline = deadline_in(seconds);
  while (!reaped_) {
    const pid_t pid = waitpid(pid_, &status_, WNOHANG);
    // ECHILD: the program ignores SIGCHLD, and the status is lost.
    if (pid == pid_ || (pid < 0 && errno == ECHILD)) reaped_ = true;
    else if (seconds_until(deadline) <= 0) return false;
    else std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool ChildProcess::ended() { return reap(0); }

void ChildProcess::kill() {
  if (reaped_) return;
  // The group first: the child may have made it, or not yet.
  if (::kill(-pid_, SIGKILL) != 0) ::kill(pid_, SIGKILL);
  reap(kDeathSeconds);
}

std::string ChildProcess::how_it_ended() const {
  std::string how = "did not end";
  if (reaped_ && WIFEXITED(status_)) how = fmt::format("exit status {}", WEXITSTATUS(status_));
  if (reaped_ && WIFSIGNALED(status_))
    how = fmt::format("signal {} ({})", WTERMSIG(status_), strsignal(WTERMSIG(status_)));
  const std::string words = last_line(words_);
  return words.empty() ? how : how + ": " + words;
}

}  // namespace warpfinch
