// The tuning loop: Evolution asks, an Evaluator answers, the database remembers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "tuner/config_database.hpp"
#include "tuner/evaluation.hpp"
#include "tuner/evolution.hpp"

namespace warpfinch {

// "60s", "10m", "1h" or "200": time or evaluations. Printed as seconds.
struct Budget {
  double seconds = 0;   // 0: not limited
  int evaluations = 0;  // 0: not limited; rejected ones count, remembered ones do not
  bool operator==(const Budget&) const = default;
};
Budget parse_budget(std::string_view text);  // Error (input)
std::string to_text(const Budget& budget);

struct TuneProgress {
  int done = 0;  // evaluations so far, remembered ones not counted
  int rejected = 0;
  int remembered = 0;  // configs whose outcome was known by its digest
  double seconds = 0;
  std::string problem;
  const Evaluation* last = nullptr;
  const Evaluation* best = nullptr;  // nullptr: nothing right so far
};

// What programs ask for; 0 is for tests that count.
inline constexpr int kConfirmations = 6;

struct TuneOptions {
  Budget budget{.seconds = 60};
  uint64_t seed = 0;
  EvolutionOptions evolution;
  // At the end the best is measured again, and where it loses its place by that the next one, so many times
  // at most: the fastest of many is partly the luckiest, or met a cooler card. Beyond the budget.
  int confirmations = 0;
  std::vector<Config> first;      // tried before anything else, where they are points of the space
  std::function<double()> clock;  // seconds; steady clock when empty
  // The digest of the source that a config gives, or why it gives none; generate() and source_digest() when
  // empty.
  std::function<Expected<std::string>(const Problem&, const Config&, const Target&)> source;
  std::function<void(const TuneProgress&)> progress;
  const ConfigDatabase* shipped = nullptr;  // asked too for where to start, never written
  std::stop_token stop;  // ends it, at the latest with the evaluation in hand; the evaluator may give that up
};

struct TuneResult {
  std::optional<Evaluation> best;
  int evaluated = 0, rejected = 0, remembered = 0;
  bool stopped = false;  // by `stop`
};
// Why there is no best, where there is none.
std::string why_no_best(const TuneResult& result);

// Every evaluation is recorded as it comes. The first candidates are the database's best for this shape and
// the nearest ones, then the static model's best: the result is never worse than the untuned choice. Configs
// whose source was evaluated before (in this run, or in the database: on this device, with this driver and
// this NVRTC) are not evaluated again, and those that compile to a cubin of which the database knows the
// outcome are not run; the recorded outcome is told.
TuneResult tune(const Problem& problem, const Target& target, Evaluator& evaluator, ConfigDatabase& database,
                const TuneOptions& options);

}  // namespace warpfinch
