// warpfinch daemon: works through a list of shapes, continues where it stopped, and loses nothing on SIGTERM.
#include <fmt/format.h>

#include <optional>

#include "tools/command.hpp"
#include "tools/output.hpp"
#include "tools/stop_signals.hpp"
#include "tools/tuning.hpp"
#include "tuner/daemon.hpp"
#include "tuner/shipped_configs.hpp"

namespace warpfinch {
namespace {

constexpr int kSomeFailed = 2;

struct Options {
  TuningOptions tuning;
  bool again = false;
};

// Says what happens to the entries of the list.
class Reporter {
 public:
  Reporter(const std::vector<Shape>& shapes, Budget budget, bool json)
      : shapes_(shapes), budget_(budget), json_(json) {}

  void entry(DaemonEvent event, size_t index, const TuneResult* result, const std::string& why) {
    const Shape& shape = shapes_.at(index);
    const std::string problem = to_text(shape.problem);
    if (printer_) printer_->finish();
    if (event == DaemonEvent::begin) printer_.emplace(shape.budget ? *shape.budget : budget_, json_);
    if (json_)
      print_event(event, index, problem, why);
    else
      print_text(event, index, problem, why);
    if (result) print_result(problem, *result, json_);
    flush_out();
  }

  void progress(const TuneProgress& progress) {
    if (printer_) (*printer_)(progress);
  }

 private:
  static const char* name_of(DaemonEvent event) {
    switch (event) {
      case DaemonEvent::begin:
        return "begin";
      case DaemonEvent::finished:
        return "finished";
      case DaemonEvent::skipped:
        return "skipped";
      case DaemonEvent::failed:
        return "failed";
      case DaemonEvent::stopped:
        return "stopped";
    }
    return "";
  }

  void print_event(DaemonEvent event, size_t index, const std::string& problem,
                   const std::string& why) const {
    Json line = {{"event", name_of(event)}, {"index", index}, {"problem", problem}};
    if (!why.empty()) line["reason"] = why;
    print_json(line);
  }

  void print_text(DaemonEvent event, size_t index, const std::string& problem, const std::string& why) const {
    const std::string place = fmt::format("[{}/{}]", index + 1, shapes_.size());
    if (event == DaemonEvent::begin)
      print_out("{} {}\n", place, problem);
    else if (event == DaemonEvent::skipped)
      print_out("{} {}\n  finished before\n", place, problem);
    else if (event == DaemonEvent::failed)
      print_out("  failed: {}\n", why);
  }

  const std::vector<Shape>& shapes_;
  Budget budget_;
  bool json_;
  std::optional<ProgressPrinter> printer_;
};

void print_summary(const DaemonResult& result, bool json) {
  if (json)
    print_json({{"event", "end"},
                {"finished", result.finished},
                {"skipped", result.skipped},
                {"failed", result.failed},
                {"stopped", result.stopped}});
  else
    print_out("{} finished, {} finished before, {} failed{}\n", result.finished, result.skipped,
              result.failed, result.stopped ? "; stopped, the next start continues here" : "");
}

int work(const Options& options) {
  const std::vector<Shape> shapes = read_shapes(options.tuning.shapes);
  const bool json = options.tuning.selection.json;
  DaemonOptions daemon;
  daemon.tune.budget = parse_budget(options.tuning.budget);
  daemon.tune.seed = options.tuning.seed;
  daemon.tune.confirmations = kConfirmations;
  const StopSignals signals;
  daemon.tune.stop = signals.token();
  daemon.again = options.again;
  const std::optional<ConfigDatabase> shipped = read_shipped();
  daemon.tune.shipped = shipped ? &*shipped : nullptr;
  const Judge judge = open_judge(options.tuning, signals.token());
  ConfigDatabase database = database_to_write(options.tuning.selection.database);
  Reporter reporter(shapes, daemon.tune.budget, json);
  daemon.tune.progress = [&](const TuneProgress& progress) { reporter.progress(progress); };
  daemon.report = [&](DaemonEvent event, size_t index, const TuneResult* result, const std::string& why) {
    reporter.entry(event, index, result, why);
  };
  const DaemonResult result = run_daemon(shapes, judge.target, *judge.evaluator, database, daemon);
  print_summary(result, json);
  return result.failed > 0 ? kSomeFailed : 0;
}

}  // namespace

Command add_daemon(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("daemon", "Work through a list of problems; continue where it stopped");
  auto options = std::make_shared<Options>();
  app->add_option("--shapes", options->tuning.shapes, "List of problems (YAML); - is standard input")
      ->required();
  app->add_flag("--again", options->again, "Also what is finished already");
  add_tuning_options(*app, options->tuning);
  return {app, [app, options] {
            options->tuning.device_given = app->count("--device") > 0;
            return work(*options);
          }};
}

}  // namespace warpfinch
