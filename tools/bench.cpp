// warpfinch bench: times one problem and config, several configs in alternation, or a list. Needs a GPU.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "runtime/accuracy.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/measure.hpp"
#include "tools/command.hpp"
#include "tools/files.hpp"
#include "tools/on_device.hpp"
#include "tools/output.hpp"
#include "tools/selection.hpp"

namespace warpfinch {
namespace {

constexpr int kWrongResult = 1;

struct Options {
  Selection selection;
  std::vector<std::string> configs;
  std::string shapes, csv;
  bool check = false;
  int samples = MeasureOptions().samples;
};

struct Row {
  std::string problem, config, device, driver;
  double flops = 0;
  Measurement measurement;
  std::optional<double> max_error;  // with --check
  double tflops() const { return flops / measurement.median_us * 1e-6; }
  bool right() const { return !max_error || *max_error <= 1; }
};

// One entry per problem (or program); the configs of one entry are timed in alternation.
std::vector<Selection> entries_of(const Options& options) {
  const Selection& given = options.selection;
  if (!given.problem.empty() + !given.program.empty() + !options.shapes.empty() != 1)
    fail_input("give one of --problem TEXT, --program FILE and --shapes FILE");
  if (options.shapes.empty()) return {given};
  if (!options.configs.empty()) fail_input("--config goes with --problem, not with --shapes");
  std::vector<Selection> entries;
  for (const Shape& shape : read_shapes(options.shapes)) {
    entries.push_back(given);
    entries.back().problem = to_text(shape.problem);
  }
  return entries;
}

std::vector<ChosenPlan> plans_of(Selection entry, const std::vector<std::string>& configs,
                                 const Target& target) {
  if (configs.empty()) return {choose_plan(entry, target)};
  std::vector<ChosenPlan> plans;
  for (const std::string& config : configs) {
    entry.config = config;
    plans.push_back(choose_plan(entry, target));
  }
  return plans;
}

int64_t largest_workspace(const std::vector<ChosenPlan>& plans) {
  int64_t bytes = 0;
  for (const ChosenPlan& plan : plans) bytes = std::max(bytes, plan.plan.workspace_bytes);
  return bytes;
}

// Times what is on the device; before that, with --check, looks whether each plan is right.
std::vector<Row> bench_entry(const Options& options, const std::shared_ptr<Device>& device,
                             const std::vector<ChosenPlan>& chosen) {
  std::vector<HostTensor> tensors = workload(chosen[0].plan.buffers, 0);
  const DeviceTensors on_device(device, tensors, largest_workspace(chosen));
  std::vector<std::shared_ptr<const LoadedPlan>> loaded;
  std::vector<const LoadedPlan*> plans;
  std::vector<Row> rows;
  for (const ChosenPlan& plan : chosen) {
    loaded.push_back(load_plan(device, plan.plan));
    plans.push_back(loaded.back().get());
    rows.push_back({plan.plan.problem,
                    plan.plan.config,
                    device->info().name,
                    device->info().driver,
                    plan.plan.flops,
                    {},
                    {}});
    if (!options.check || !plan.problem) continue;
    loaded.back()->launch(on_device.pointers(), on_device.workspace(), nullptr);
    synchronize(*device);
    on_device.download_outputs(tensors);
    const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    rows.back().max_error = check_accuracy(*plan.problem, tensors, threads).max_error;
  }
  MeasureOptions measure_options;
  measure_options.samples = options.samples;
  const std::vector<Measurement> measured =
      measure_interleaved(*device, plans, on_device.pointers(), on_device.workspace(), measure_options);
  for (size_t i = 0; i < rows.size(); ++i) rows[i].measurement = measured[i];
  return rows;
}

void print_row(const Row& row, bool json) {
  const Measurement& m = row.measurement;
  if (json) {
    Json line = {{"problem", row.problem},
                 {"config", row.config},
                 {"device", row.device},
                 {"driver", row.driver},
                 {"median_us", m.median_us},
                 {"min_us", m.min_us},
                 {"max_us", m.max_us},
                 {"spread", m.spread},
                 {"tflops", row.tflops()},
                 {"samples_us", m.samples_us},
                 {"launches_per_sample", m.launches_per_sample},
                 {"l2", m.l2},
                 {"max_error", row.max_error ? Json(*row.max_error) : Json()}};
    return print_json(line);
  }
  print_out(
      "{}\n  {}\n  median {:.2f} us  min {:.2f}  max {:.2f}  spread {:.1f} %  {:.1f} TFLOPS  (L2 {}){}\n",
      row.problem, row.config, m.median_us, m.min_us, m.max_us, 100 * m.spread, row.tflops(), m.l2,
      row.max_error ? fmt::format("  max_error {:.3g}{}", *row.max_error, row.right() ? "" : " WRONG") : "");
  flush_out();
}

// Neither problem nor config texts hold commas, but strides do: they are quoted.
std::string csv_line(const Row& row) {
  const Measurement& m = row.measurement;
  const auto cell = [](const std::string& text) {
    return text.find(',') == std::string::npos ? text : '"' + text + '"';
  };
  return fmt::format("{},{},{},{},{:.4f},{:.4f},{:.4f},{:.5f},{:.3f},{}\n", cell(row.problem),
                     cell(row.config), cell(row.device), cell(row.driver), m.median_us, m.min_us, m.max_us,
                     m.spread, row.tflops(), row.max_error ? fmt::format("{:.4g}", *row.max_error) : "");
}

int bench(const Options& options) {
  const std::vector<Selection> entries = entries_of(options);
  if (emulator::is_emulator(options.selection.device))
    fail_input(
        fmt::format("bench: {} runs kernels on the CPU and cannot time them; `warpfinch run --check` "
                    "takes it",
                    options.selection.device));
  if (!options.csv.empty()) check_can_write(options.csv);
  if (list_devices().empty())  // a typing error is reported on any machine
    for (const Selection& entry : entries) plans_of(entry, options.configs, target_by_name("sm_90a"));
  const std::shared_ptr<Device> device = Device::open(options.selection.device);
  std::string csv = "problem,config,device,driver,median_us,min_us,max_us,spread,tflops,max_error\n";
  bool right = true;
  for (const Selection& entry : entries)
    for (const Row& row : bench_entry(options, device, plans_of(entry, options.configs, device->target()))) {
      print_row(row, options.selection.json);
      csv += csv_line(row);
      right = right && row.right();
    }
  if (!options.csv.empty()) write_file(options.csv, csv);
  return right ? 0 : kWrongResult;
}

}  // namespace

Command add_bench(CLI::App& program) {
  CLI::App* app = program.add_subcommand("bench", "Time problems on a GPU");
  auto options = std::make_shared<Options>();
  app->add_option("--problem", options->selection.problem, "What to compute");
  app->add_option("--program", options->selection.program,
                  "Your own tile program (.tir); - is standard input");
  app->add_option("--shapes", options->shapes, "List of problems (YAML); - is standard input");
  app->add_option("--config", options->configs, "Config text; repeated: timed in alternation")
      ->allow_extra_args(false);
  app->add_option("--csv", options->csv, "Also write the rows to this file");
  app->add_option("--samples", options->samples, "Graph replays")
      ->check(whole_number(3, 10000))
      ->capture_default_str();
  app->add_flag("--check", options->check, "Compare with the float64 reference first");
  add_device_option(*app, options->selection);
  add_database_option(*app, options->selection);
  add_json_option(*app, options->selection.json);
  return {app, [options] { return bench(*options); }};
}

}  // namespace warpfinch
