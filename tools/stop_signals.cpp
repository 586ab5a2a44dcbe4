// The signals are waited for by a thread, not handled: what a stop sets in motion may then take locks.
#include "tools/stop_signals.hpp"

#include <chrono>
#include <ctime>

namespace warpfinch {
namespace {

constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 50'000'000};  // how often the end is looked for
constexpr std::chrono::milliseconds kOneWish(500);

void end_program(int signal) {
  ::signal(signal, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  raise(signal);
}

}  // namespace

StopSignals::StopSignals() {
  sigemptyset(&awaited_);
  sigaddset(&awaited_, SIGINT);
  sigaddset(&awaited_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &awaited_, &before_);
  watcher_ = std::jthread([this](const std::stop_token& end) { watch(end); });
}

StopSignals::~StopSignals() {
  watcher_.request_stop();
  watcher_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopSignals::watch(const std::stop_token& end) {
  using Clock = std::chrono::steady_clock;
  for (Clock::time_point first; !end.stop_requested();) {
    const int signal = sigtimedwait(&awaited_, nullptr, &kLook);
    if (signal < 0) continue;
    if (source_.request_stop())
      first = Clock::now();
    else if (Clock::now() - first >= kOneWish)
      end_program(signal);
  }
}

}  // namespace warpfinch
