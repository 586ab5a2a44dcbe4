// Ctrl-C and SIGTERM as a request to stop: for commands that have something to keep.
#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

namespace warpfinch {

// While it lives, the first SIGINT or SIGTERM requests the stop. One that comes half a second later or more
// ends the program at once, as it would without this (`timeout` sends its signal twice, and means it once).
// Made before any other thread is: threads inherit that the two are blocked.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  std::stop_token token() const { return source_.get_token(); }

 private:
  void watch(const std::stop_token& end);

  sigset_t awaited_, before_;
  std::stop_source source_;
  std::jthread watcher_;
};

}  // namespace warpfinch
