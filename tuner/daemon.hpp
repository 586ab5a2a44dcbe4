// Works through a list of shapes, one problem after another. The database remembers which problems are
// finished, with which budget, device, driver and NVRTC, so that a daemon that was stopped, killed or
// unplugged continues where it was, and does only what is new when its list was edited.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tuner/shapes.hpp"
#include "tuner/tune.hpp"

namespace warpfinch {

enum class DaemonEvent { begin, finished, skipped, failed, stopped };

struct DaemonOptions {
  TuneOptions tune;              // its budget is for shapes without their own; its stop ends the daemon
  bool again = false;            // also what is finished already
  // Called as an entry of the list begins and ends: its index, the result (finished, stopped) or the reason
  // (failed).
  std::function<void(DaemonEvent, size_t, const TuneResult*, const std::string&)> report;
};

struct DaemonResult {
  int finished = 0, skipped = 0, failed = 0;
  bool stopped = false;
};

// A shape that cannot be tuned (Error input) is reported as failed and passed over; a failing environment
// throws: what was recorded stays, and the next start tries that shape again.
DaemonResult run_daemon(const std::vector<Shape>& shapes, const Target& target, Evaluator& evaluator,
                        ConfigDatabase& database, const DaemonOptions& options);

}  // namespace warpfinch
