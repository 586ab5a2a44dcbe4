// warpfinch tune: searches the fastest config of each problem and remembers every one that it tried.
#include <fmt/format.h>

#include <limits>

#include "tools/command.hpp"
#include "tools/tuning.hpp"
#include "tuner/shapes.hpp"

namespace warpfinch {
namespace {

struct Options {
  TuningOptions tuning;
  std::vector<std::string> problems;
};

std::vector<Shape> shapes_of(const Options& options) {
  if (options.problems.empty() == options.tuning.shapes.empty())
    fail_input("give either --problem TEXT (it may be repeated) or --shapes FILE");
  if (!options.tuning.shapes.empty()) return read_shapes(options.tuning.shapes);
  std::vector<Shape> shapes;
  for (const std::string& text : options.problems) shapes.push_back({parse_problem(text), std::nullopt});
  return shapes;
}

TuneResult tune_one(const Shape& shape, const Options& options, const Judge& judge, ConfigDatabase& database,
                    const std::atomic<bool>& stop) {
  const bool json = options.tuning.selection.json;
  TuneOptions tuning;
  tuning.budget = shape.budget ? *shape.budget : parse_budget(options.tuning.budget);
  tuning.seed = options.tuning.seed;
  tuning.stop = &stop;
  ProgressPrinter printer(tuning.budget, json);
  tuning.progress = [&](const TuneProgress& progress) { printer(progress); };
  if (!json) fmt::print("{}\n", to_text(shape.problem));
  TuneResult result = tune(shape.problem, judge.target, *judge.evaluator, database, tuning);
  printer.finish();
  print_result(to_text(shape.problem), result, json);
  return result;
}

// What became of every problem. One evaluator judged them all, so that the times are of one kind.
void print_table(const std::vector<TuneResult>& results, const std::vector<Shape>& shapes,
                 const Judge& judge) {
  fmt::print("\n{} on {}\n", judge.predicts ? "predicted (static model, nothing was measured)" : "measured",
             judge.evaluator->device());
  fmt::print("{:>12}  {:>16}  problem\n", judge.predicts ? "predicted us" : "median us",
             judge.predicts ? "predicted TFLOPS" : "TFLOPS");
  for (size_t i = 0; i < results.size(); ++i) {
    const double us = results[i].best ? cost_us(*results[i].best) : std::numeric_limits<double>::infinity();
    fmt::print("{:>12.2f}  {:>16.1f}  {}\n", us, flops(shapes[i].problem) / us * 1e-6,
               to_text(shapes[i].problem));
  }
}

int tune_all(const Options& options) {
  const std::vector<Shape> shapes = shapes_of(options);
  parse_budget(options.tuning.budget);
  const Judge judge = open_judge(options.tuning);
  ConfigDatabase database = database_to_write(options.tuning.selection.database);
  const std::atomic<bool>& stop = stop_flag();
  bool all_solved = true;
  std::vector<TuneResult> results;
  for (const Shape& shape : shapes) {
    results.push_back(tune_one(shape, options, judge, database, stop));
    all_solved = all_solved && (results.back().best || results.back().stopped);
    if (stop) break;
  }
  if (results.size() > 1 && !options.tuning.selection.json) print_table(results, shapes, judge);
  if (!all_solved)
    fail_environment("no config worked for some of the problems; `warpfinch database show` has the reasons");
  return 0;
}

}  // namespace

Command add_tune(CLI::App& program) {
  CLI::App* app = program.add_subcommand("tune", "Find the fastest config of problems");
  auto options = std::make_shared<Options>();
  app->add_option("--problem", options->problems, "What to compute; may be repeated")
      ->allow_extra_args(false);
  app->add_option("--shapes", options->tuning.shapes, "List of problems (YAML)");
  add_tuning_options(*app, options->tuning);
  return {app, [app, options] {
            options->tuning.device_given = app->count("--device") > 0;
            return tune_all(*options);
          }};
}

}  // namespace warpfinch
