// warpfinch run: launches a problem or a user's program once, and checks what it wrote.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "generator/fp32.hpp"
#include "generator/text.hpp"
#include "runtime/accuracy.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/emulator/run_line.hpp"
#include "tools/command.hpp"
#include "tools/on_device.hpp"
#include "tools/output.hpp"
#include "tools/selection.hpp"
#include "tools/tensor_argument.hpp"

namespace warpfinch {
namespace {

constexpr int kWrongResult = 1;

struct Options {
  Selection selection;
  bool check = false;
  uint64_t input_seed = 0;
  double spread = 1;
  std::vector<std::string> tensors, outputs;
};

double parse_spread(const std::string& text) {
  const auto spread = number_from_text<double>(text);
  if (spread && fits_fp32(*spread) && *spread > 0) return *spread;
  throw CLI::ValidationError("--spread",
                             fmt::format("'{}' should be a number above 0 that fp32 holds", text));
}

// Calls visit(index) for every multi-index of a shape, in C order.
template <class Visitor>
void for_each_index(const std::vector<int64_t>& shape, Visitor&& visit) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  std::vector<int64_t> index(shape.size(), 0);
  for (;;) {
    visit(index);
    size_t axis = shape.size();
    while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

// Elements of the outputs that are not finite; what was never written is poison, which is not finite either.
int64_t count_not_finite(const std::vector<HostTensor>& tensors) {
  int64_t count = 0;
  for (const HostTensor& tensor : tensors)
    if (tensor.buffer.output)
      for_each_index(tensor.buffer.shape,
                     [&](const auto& index) { count += !std::isfinite(tensor.at(index)); });
  return count;
}

struct Verdict {
  bool right = true;
  std::string text;
  Json keys = Json::object();
};

Verdict check_program(const std::vector<HostTensor>& tensors) {
  const int64_t not_finite = count_not_finite(tensors);
  Verdict verdict;
  verdict.right = not_finite == 0;
  verdict.text = fmt::format(
      "check   no reference exists for a program of your own: looked only whether every output element was\n"
      "        written and is finite: {}\n",
      not_finite == 0 ? "yes" : fmt::format("no, {} elements are not", not_finite));
  verdict.keys = {{"reference", false}, {"not_finite", not_finite}, {"ok", verdict.right}};
  return verdict;
}

Verdict check_problem(const Problem& problem, const std::string& config,
                      const std::vector<HostTensor>& tensors) {
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const Accuracy accuracy = check_accuracy(problem, parse_config(config, problem), tensors, threads);
  Verdict verdict;
  verdict.right = accuracy.right();
  verdict.text =
      fmt::format("max_error    {:.4g}\nerror_bound  {:g}\nchecked      {} elements\nok           {}\n",
                  accuracy.max_error, accuracy.error_bound, accuracy.checked, accuracy.right());
  if (!accuracy.right()) verdict.text += fmt::format("worst        {}\n", accuracy.worst);
  verdict.keys = {{"reference", true},
                  {"max_error", std::isfinite(accuracy.max_error) ? Json(accuracy.max_error) : Json()},
                  {"error_bound", accuracy.error_bound},
                  {"checked", accuracy.checked},
                  {"worst", accuracy.worst},
                  {"ok", accuracy.right()}};
  return verdict;
}

void report(const Options& options, const Device& device, const ChosenPlan& chosen, const Verdict& verdict) {
  if (options.selection.json) {
    Json line = {{"problem", chosen.plan.problem},
                 {"config", chosen.plan.config},
                 {"origin", chosen.origin},
                 {"device", device.info().name}};
    line.update(verdict.keys);
    print_json(line);
    return;
  }
  print_out("problem      {}\n", chosen.plan.problem);
  if (chosen.problem) print_out("config       {}  ({})\n", chosen.plan.config, chosen.origin);
  print_out("device       {}\n{}", device.info().name, verdict.text);
}

// On a machine without a GPU what the user wrote is looked at first: a typing error is his to mend, there and
// then.
void check_input(const Options& options) {
  if (emulator::is_emulator(options.selection.device) || !list_devices().empty()) return;
  const Plan plan = choose_plan(options.selection, target_by_name(options.selection.target)).plan;
  check_tensors(plan.buffers, options.tensors);
  check_outputs(plan.buffers, options.outputs);
}

// This very call, in its shortest form: what shows a hazard of the emulator again.
std::string line_to_paste(const Options& options, const ChosenPlan& chosen, const Device& device) {
  return to_text(emulator::RunLine{.device = device.info().id,
                                   .problem = chosen.plan.problem,
                                   .config = chosen.plan.config,
                                   .program = options.selection.program,
                                   .input_seed = options.input_seed,
                                   .spread = options.spread,
                                   .tensors = options.tensors});
}

void launch(const Options& options, const ChosenPlan& chosen, const Device& device, const LoadedPlan& plan,
            const DeviceTensors& tensors) {
  try {
    plan.launch(tensors.pointers(), tensors.workspace(), nullptr);
  } catch (const emulator::HazardError& hazards) {
    throw hazards.with_line(line_to_paste(options, chosen, device));
  }
}

int run(const Options& options) {
  check_input(options);
  const std::shared_ptr<Device> device = Device::open(device_id(options.selection));
  const ChosenPlan chosen = choose_plan(options.selection, device->target());
  check_outputs(chosen.plan.buffers, options.outputs);
  std::vector<HostTensor> tensors =
      load_tensors(chosen.plan.buffers, options.tensors, options.input_seed, options.spread);
  const std::shared_ptr<const LoadedPlan> plan = load_plan(device, chosen.plan);
  const DeviceTensors on_device(device, tensors, chosen.plan.workspace_bytes);
  launch(options, chosen, *device, *plan, on_device);
  synchronize(*device);
  on_device.download_outputs(tensors);
  write_outputs(tensors, options.outputs);
  Verdict verdict;
  if (options.check)
    verdict =
        chosen.problem ? check_problem(*chosen.problem, chosen.plan.config, tensors) : check_program(tensors);
  report(options, *device, chosen, verdict);
  return verdict.right ? 0 : kWrongResult;
}

}  // namespace

Command add_run(CLI::App& program) {
  CLI::App* app = program.add_subcommand("run", "Launch a problem or a program once, and check the result");
  auto options = std::make_shared<Options>();
  add_problem_options(*app, options->selection);
  add_device_option(*app, options->selection);
  add_schedule_seed_option(*app, options->selection);
  app->add_flag("--check", options->check, "Compare with the float64 reference");
  app->add_option("--input-seed", options->input_seed, "Seed of random inputs")
      ->check(seed_fault)
      ->capture_default_str();
  app->add_option_function<std::string>(
         "--spread", [options](const std::string& text) { options->spread = parse_spread(text); },
         "Standard deviation of random inputs")
      ->default_str("1");
  app->add_option("--tensor", options->tensors, "name=dtype[d0,d1]@file.npy|random|zeros; may be repeated")
      ->allow_extra_args(false);
  app->add_option("--output", options->outputs, "Write a tensor: name=file.npy; may be repeated")
      ->allow_extra_args(false);
  add_json_option(*app, options->selection.json);
  return {app, [options] { return run(*options); }};
}

}  // namespace warpfinch
