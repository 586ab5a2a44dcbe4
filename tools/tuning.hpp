// What `tune` and `daemon` share: the evaluator for this machine, progress.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "tools/selection.hpp"
#include "tuner/evaluators.hpp"
#include "tuner/tune.hpp"

namespace warpfinch {

struct TuningOptions {
  Selection selection;
  std::string budget = "60s";
  uint64_t seed = 0;
  std::string shapes;
  int jobs = 1;               // problems tuned at a time; they share the cores
  bool emulate = false;       // candidates have to pass the emulator first
  bool device_given = false;  // then a missing GPU is an error, else the static model stands in
};
void add_tuning_options(CLI::App& command, TuningOptions& options);

// Who judges candidates. Without a GPU: the static model; says so in one line on standard error, unless
// `quiet`. With --device emulator:… the emulator looks whether they are right, and the model predicts.
struct Judge {
  Target target;
  std::unique_ptr<Evaluator> evaluator;
  bool predicts = false;
};
Judge open_judge(const TuningOptions& options, const std::stop_token& stop, bool quiet = false);

// Prints what comes in: a bar on a terminal, a line every few seconds elsewhere, events with --json.
class ProgressPrinter {
 public:
  ProgressPrinter(Budget budget, bool json);
  void operator()(const TuneProgress& progress);
  void finish();  // ends the bar's line

 private:
  void print_event(const TuneProgress& progress) const;
  double share(const TuneProgress& progress) const;

  Budget budget_;
  bool json_, bar_;
  size_t width_ = 0;
  double last_ = -1e9;
};

// "12.34 us" with "predicted " in front where it is; "none" for nullptr.
std::string time_text(const Evaluation* evaluation);
// The closing words on one problem: text or an event "result".
void print_result(const std::string& problem, const TuneResult& result, bool json);

}  // namespace warpfinch
