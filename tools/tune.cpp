// warpfinch tune: searches the fastest config of each problem and remembers every one that it tried.
#include <algorithm>
#include <exception>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "tools/command.hpp"
#include "tools/output.hpp"
#include "tools/stop_signals.hpp"
#include "tools/tuning.hpp"
#include "tuner/shipped_configs.hpp"

namespace warpfinch {
namespace {

struct Options {
  TuningOptions tuning;
  std::vector<std::string> problems, first;
};

std::vector<Shape> shapes_of(const Options& options) {
  if (options.problems.empty() == options.tuning.shapes.empty())
    fail_input("give either --problem TEXT (it may be repeated) or --shapes FILE");
  if (!options.tuning.shapes.empty()) return read_shapes(options.tuning.shapes);
  std::vector<Shape> shapes;
  for (const std::string& text : options.problems) shapes.push_back({parse_problem(text), std::nullopt});
  return shapes;
}

// Tunes a list of shapes, several at a time: while one measures, others compile and compute their references.
class ShapeTuner {
 public:
  ShapeTuner(const std::vector<Shape>& shapes, const Options& options, ConfigDatabase& database,
             const std::stop_token& stop)
      : shapes_(shapes), options_(options), database_(database), stop_(stop), results_(shapes.size()) {}

  // A result for each shape, none for those not begun when it was stopped.
  std::vector<std::optional<TuneResult>> run(const Judge& first) {
    const int jobs = std::min(options_.tuning.jobs, static_cast<int>(shapes_.size()));
    std::vector<std::thread> others;
    for (int job = 1; job < jobs; ++job)
      others.emplace_back([this] { guarded([&] { work(open_judge(options_.tuning, stop_, true)); }); });
    guarded([&] { work(first); });
    for (std::thread& other : others) other.join();
    if (failure_) std::rethrow_exception(failure_);
    return std::move(results_);
  }

 private:
  void guarded(const std::function<void()>& work) {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(output_);
      if (!failure_) failure_ = std::current_exception();
      next_ = shapes_.size();
    }
  }

  void work(const Judge& judge) {
    for (size_t i; !stop_.stop_requested() && (i = next_++) < shapes_.size();)
      results_[i] = tune_one(shapes_[i], judge);
  }

  TuneResult tune_one(const Shape& shape, const Judge& judge) {
    const bool json = options_.tuning.selection.json, alone = options_.tuning.jobs == 1;
    const std::string text = to_text(shape.problem);
    TuneOptions tuning;
    tuning.budget = shape.budget ? *shape.budget : parse_budget(options_.tuning.budget);
    tuning.seed = options_.tuning.seed;
    tuning.confirmations = kConfirmations;
    for (const std::string& config : options_.first)
      tuning.first.push_back(parse_config(config, shape.problem));
    tuning.shipped = shipped_ ? &*shipped_ : nullptr;
    tuning.stop = stop_;
    ProgressPrinter printer(tuning.budget, json);
    if (json || alone)
      tuning.progress = [&](const TuneProgress& progress) {
        const std::lock_guard lock(output_);
        printer(progress);
      };
    if (!json && alone) print_out("{}\n", text);
    TuneResult result = tune(shape.problem, judge.target, *judge.evaluator, database_, tuning);
    const std::lock_guard lock(output_);
    printer.finish();
    if (!json && !alone) print_out("{}\n", text);  // beside others it speaks once, at its end
    print_result(text, result, json);
    return result;
  }

  const std::vector<Shape>& shapes_;
  const Options& options_;
  ConfigDatabase& database_;
  const std::optional<ConfigDatabase> shipped_ = read_shipped();
  const std::stop_token stop_;
  std::atomic<size_t> next_ = 0;
  std::mutex output_;  // and failure_
  std::exception_ptr failure_;
  std::vector<std::optional<TuneResult>> results_;
};

// What became of every problem. One evaluator judged them all, so that the times are of one kind.
void print_table(const std::vector<std::optional<TuneResult>>& results, const std::vector<Shape>& shapes,
                 const Judge& judge) {
  print_out("\n{} on {}\n", judge.predicts ? "predicted (static model, nothing was measured)" : "measured",
            judge.evaluator->device());
  print_out("{:>12}  {:>16}  problem\n", judge.predicts ? "predicted us" : "median us",
            judge.predicts ? "predicted TFLOPS" : "TFLOPS");
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i]) continue;
    const auto& best = results[i]->best;
    const double us = best ? cost_us(*best) : std::numeric_limits<double>::infinity();
    print_out("{:>12.2f}  {:>16.1f}  {}\n", us, flops(shapes[i].problem) / us * 1e-6,
              to_text(shapes[i].problem));
  }
}

int tune_all(const Options& options) {
  const std::vector<Shape> shapes = shapes_of(options);
  parse_budget(options.tuning.budget);
  for (const Shape& shape : shapes)
    for (const std::string& config : options.first) parse_config(config, shape.problem);
  const StopSignals signals;
  const Judge judge = open_judge(options.tuning, signals.token());
  ConfigDatabase database = database_to_write(options.tuning.selection.database);
  const auto results = ShapeTuner(shapes, options, database, signals.token()).run(judge);
  if (results.size() > 1 && !options.tuning.selection.json) print_table(results, shapes, judge);
  for (size_t i = 0; i < results.size(); ++i)
    if (results[i] && !results[i]->best && !results[i]->stopped)
      fail_environment(
          fmt::format("{}: {}{}", to_text(shapes[i].problem), why_no_best(*results[i]),
                      results[i]->evaluated > 0 ? "; `warpfinch database show` has the reasons" : ""));
  return 0;
}

}  // namespace

Command add_tune(CLI::App& program) {
  CLI::App* app = program.add_subcommand("tune", "Find the fastest config of problems");
  auto options = std::make_shared<Options>();
  app->add_option("--problem", options->problems, "What to compute; may be repeated")
      ->allow_extra_args(false);
  app->add_option("--shapes", options->tuning.shapes, "List of problems (YAML); - is standard input");
  app->add_option("--jobs", options->tuning.jobs,
                  "Problems tuned at a time; they take turns on the GPU and compile beside each other")
      ->check(whole_number(1, 256))
      ->capture_default_str();
  app->add_option("--config", options->first, "Config to try first; may be repeated")
      ->allow_extra_args(false);
  add_tuning_options(*app, options->tuning);
  return {app, [app, options] {
            options->tuning.device_given = app->count("--device") > 0;
            return tune_all(*options);
          }};
}

}  // namespace warpfinch
