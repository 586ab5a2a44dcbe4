#include "tuner/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "generator/result.hpp"

namespace warpfinch {

namespace {

constexpr size_t kMostOutput = size_t{16} << 20;  // of one line; more is no answer but a runaway
constexpr size_t kMostErrors = 4096;              // the end of standard error is what is quoted
constexpr double kLookSeconds = 0.05;             // how often a stop is looked for

using Clock = std::chrono::steady_clock;

double seconds_until(Clock::time_point deadline) {
  return std::chrono::duration<double>(deadline - Clock::now()).count();
}

Clock::time_point deadline_in(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  const size_t start = text.rfind('\n');
  return start == std::string::npos ? text : text.substr(start + 1);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command) {
  Ends input = socket_to_them(), output = pipe_to_us(), errors = pipe_to_us();
  group_.emplace(
      command, ProcessGroup::Streams{input.theirs.number(), output.theirs.number(), errors.theirs.number()});
  input_ = std::move(input.ours), output_ = std::move(output.ours), errors_ = std::move(errors.ours);
  for (const Descriptor* file : {&output_, &errors_}) fcntl(file->number(), F_SETFL, O_NONBLOCK);
}

bool ChildProcess::send(std::string line) {
  line += '\n';
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t count = ::send(input_.number(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
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
  const ssize_t count = read(output_.number(), chunk.data(), chunk.size());
  if (count > 0) received_.append(chunk.data(), static_cast<size_t>(count));
  const bool again = count < 0 && (errno == EAGAIN || errno == EINTR);
  return (count > 0 || again) && received_.size() < kMostOutput;
}

void ChildProcess::read_errors() {
  std::array<char, 4096> chunk;
  ssize_t count = 0;
  while ((count = read(errors_.number(), chunk.data(), chunk.size())) > 0) {
    words_.append(chunk.data(), static_cast<size_t>(count));
    if (words_.size() > kMostErrors) words_.erase(0, words_.size() - kMostErrors);
  }
  if (count == 0) errors_.close();  // closed: poll passes over -1, and would not wait otherwise
}

ChildProcess::Answer ChildProcess::receive(double seconds, const std::stop_token& stop) {
  const Clock::time_point deadline = deadline_in(seconds);
  for (std::string line;;) {
    if (take_line(line)) return {Answer::Kind::line, line};
    const double left = seconds_until(deadline);
    if (left <= 0) return {Answer::Kind::time_limit, {}};
    if (stop.stop_requested()) return {Answer::Kind::stopped, {}};
    std::array<pollfd, 2> files{pollfd{output_.number(), POLLIN, 0}, pollfd{errors_.number(), POLLIN, 0}};
    const double wait = stop.stop_possible() ? std::min(left, kLookSeconds) : left;
    if (poll(files.data(), files.size(), static_cast<int>(std::ceil(wait * 1000))) <= 0) continue;
    if (files[1].revents) read_errors();
    if (files[0].revents && !read_output()) {
      if (!group_->ended_within(0.5)) group_->kill();  // it closed its output but lives: of no more use
      if (errors_.number() >= 0) read_errors();
      return {Answer::Kind::ended, {}};
    }
  }
}

std::string ChildProcess::how_it_ended() const {
  const int status = group_->status();
  std::string how = "did not end";
  if (status >= 0 && WIFEXITED(status)) how = fmt::format("exit status {}", WEXITSTATUS(status));
  if (status >= 0 && WIFSIGNALED(status))
    how = fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  const std::string words = last_line(words_);
  return words.empty() ? how : how + ": " + words;
}

}  // namespace warpfinch
