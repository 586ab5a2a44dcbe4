#include "tools/tuning.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <thread>

#include "runtime/device.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "tools/output.hpp"

namespace warpfinch {
namespace {

constexpr double kSecondsBetweenLines = 2;
constexpr int kBarWidth = 24;

// The emulator that candidates have to pass; empty: none.
std::string emulator_of(const TuningOptions& options, const Target& target) {
  const Selection& selection = options.selection;
  const bool is_device = emulator::is_emulator(selection.device);
  if (!is_device && !options.emulate) {
    if (selection.schedule_seed) fail_input("--schedule-seed goes with --emulate or --device emulator:…");
    return {};
  }
  const std::string id = is_device ? selection.device : "emulator:" + target.name;
  return selection.schedule_seed ? emulator::with_schedule_seed(id, *selection.schedule_seed) : id;
}

int compile_threads(int jobs) {
  return std::max(2, static_cast<int>(std::thread::hardware_concurrency()) / std::max(jobs, 1));
}

Judge measuring_judge(const DeviceInfo& info, const TuningOptions& options, const std::stop_token& stop) {
  Judge judge;
  judge.target = target_of(info);
  DeviceEvaluatorOptions device;
  device.device = info.id;
  device.compile_threads = compile_threads(options.jobs);
  device.worker = std::filesystem::read_symlink("/proc/self/exe");
  device.emulator = emulator_of(options, judge.target);
  device.stop = stop;
  judge.evaluator = device_evaluator(device);
  return judge;
}

Judge predicting_judge(const Target& target, const TuningOptions& options, const std::stop_token& stop,
                       const std::string& why, bool quiet) {
  Judge judge;
  judge.target = target;
  judge.evaluator =
      model_evaluator(target, compile_threads(options.jobs), emulator_of(options, target), stop);
  judge.predicts = true;
  if (quiet) return judge;
  print_error(fmt::format(
      "warpfinch: no GPU ({}): every time is predicted by the static model, none is measured\n", why));
  return judge;
}

}  // namespace

void add_tuning_options(CLI::App& command, TuningOptions& options) {
  command.add_option("--budget", options.budget, "Per problem: time (60s, 10m, 1h) or evaluations (200)")
      ->capture_default_str();
  command.add_option("--seed", options.seed, "Seed of the search")->check(seed_fault)->capture_default_str();
  add_target_option(command, options.selection);
  add_device_option(command, options.selection);
  command.add_flag("--emulate", options.emulate,
                   "Run each candidate in the emulator first, on a shrunken problem");
  add_schedule_seed_option(command, options.selection);
  add_database_option(command, options.selection);
  add_json_option(command, options.selection.json);
}

Judge open_judge(const TuningOptions& options, const std::stop_token& stop, bool quiet) {
  const std::string& wanted = options.selection.device;
  if (emulator::is_emulator(wanted))
    return predicting_judge(target_by_name(Device::open(wanted)->target().name), options, stop, wanted,
                            quiet);
  std::string why;
  for (const DeviceInfo& info : list_devices(&why))
    if (info.id == wanted) return measuring_judge(info, options, stop);
  // Throws, with what is wrong: a device that was asked for by name has to be there.
  if (options.device_given || why.empty()) Device::open(wanted);
  return predicting_judge(target_by_name(options.selection.target), options, stop, why, quiet);
}

std::string time_text(const Evaluation* evaluation) {
  if (!evaluation) return "none";
  const double us = cost_us(*evaluation);
  if (!std::isfinite(us)) return "rejected";
  return fmt::format("{}{:.2f} us",
                     std::holds_alternative<Prediction>(evaluation->outcome) ? "predicted " : "", us);
}

ProgressPrinter::ProgressPrinter(Budget budget, bool json)
    : budget_(budget), json_(json), bar_(!json && isatty(STDOUT_FILENO)) {}

double ProgressPrinter::share(const TuneProgress& progress) const {
  double share = 0;
  if (budget_.seconds > 0) share = progress.seconds / budget_.seconds;
  if (budget_.evaluations > 0) share = std::max(share, double(progress.done) / budget_.evaluations);
  return std::min(share, 1.0);
}

void ProgressPrinter::print_event(const TuneProgress& progress) const {
  Json event = {{"event", "evaluation"},
                {"done", progress.done},
                {"rejected", progress.rejected},
                {"seconds", progress.seconds},
                {"best_config", progress.best ? Json(progress.best->config) : Json()},
                {"best_us", progress.best ? Json(cost_us(*progress.best)) : Json()}};
  if (progress.last)
    event.update(to_json(*progress.last));
  else
    event["problem"] = progress.problem;
  print_json(event);
  flush_out();
}

void ProgressPrinter::operator()(const TuneProgress& progress) {
  if (json_) return print_event(progress);
  const std::string numbers = fmt::format("{:>4} tried  {:>3} rejected  {:>6.1f} s  best {}", progress.done,
                                          progress.rejected, progress.seconds, time_text(progress.best));
  if (bar_) {
    const int filled = static_cast<int>(share(progress) * kBarWidth);
    print_out("\r[{:#<{}}{:.<{}}] {:<{}}", "", filled, "", kBarWidth - filled, numbers, width_);
    width_ = numbers.size();
  } else if (progress.seconds - last_ >= kSecondsBetweenLines) {
    print_out("  {}\n", numbers);
    last_ = progress.seconds;
  }
  flush_out();
}

void ProgressPrinter::finish() {
  if (bar_ && width_ > 0) print_out("\r{:<{}}\r", "", width_ + kBarWidth + 3);
  width_ = 0;
}

void print_result(const std::string& problem, const TuneResult& result, bool json) {
  const Evaluation* best = result.best ? &*result.best : nullptr;
  if (json) {
    Json event = {{"event", "result"},
                  {"problem", problem},
                  {"evaluated", result.evaluated},
                  {"rejected", result.rejected},
                  {"remembered", result.remembered},
                  {"stopped", result.stopped},
                  {"best", best ? to_json(*best) : Json()}};
    print_json(event);
  } else {
    print_out("  best {}  ({} tried, {} rejected, {} known before{})\n  {}\n", time_text(best),
              result.evaluated, result.rejected, result.remembered, result.stopped ? ", stopped" : "",
              best ? best->config : why_no_best(result));
  }
  flush_out();
}

}  // namespace warpfinch
