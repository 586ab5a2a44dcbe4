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

// Beside the random inputs the others need fewer rows: what they show, they show in every row.
constexpr double kSampleOthersAboveFlops = 5e10;
double sample_above_flops(InputKind kind) {
  return kind == InputKind::random ? kSampleAboveFlops : kSampleOthersAboveFlops;
}

std::vector<std::string> input_kinds() {
  return {EnumNames<InputKind>::names.begin(), EnumNames<InputKind>::names.end()};
}

struct Options {
  Selection selection;
  bool check = false;
  uint64_t input_seed = 0;
  double spread = 1;
  std::string inputs;  // empty: a check goes through all of them
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
  double error = -1;
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
                      const std::vector<HostTensor>& tensors, InputKind kind) {
  const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const Accuracy accuracy =
      check_accuracy(problem, parse_config(config, problem), tensors, threads, sample_above_flops(kind));
  Verdict verdict;
  verdict.right = accuracy.right();
  verdict.error = accuracy.max_error;
  verdict.text = fmt::format(
      "max_error    {:.4g}\nerror_bound  {:g}\nchecked      {} elements\ninputs       {}\nok           {}\n",
      accuracy.max_error, accuracy.error_bound, accuracy.checked, value_to_text(kind), accuracy.right());
  if (!accuracy.right()) verdict.text += fmt::format("worst        {}\n", accuracy.worst);
  verdict.keys = {{"reference", true},
                  {"max_error", std::isfinite(accuracy.max_error) ? Json(accuracy.max_error) : Json()},
                  {"error_bound", accuracy.error_bound},
                  {"checked", accuracy.checked},
                  {"inputs", value_to_text(kind)},
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
std::string line_to_paste(const Options& options, const ChosenPlan& chosen, const Device& device,
                          InputKind kind) {
  return to_text(emulator::RunLine{.device = device.info().id,
                                   .problem = chosen.plan.problem,
                                   .config = chosen.plan.config,
                                   .program = options.selection.program,
                                   .input_seed = options.input_seed,
                                   .spread = options.spread,
                                   .inputs = kind,
                                   .tensors = options.tensors});
}

void launch(const Options& options, const ChosenPlan& chosen, const Device& device, InputKind kind,
            const LoadedPlan& plan, const DeviceTensors& tensors) {
  try {
    plan.launch(tensors.pointers(), tensors.workspace(), nullptr);
  } catch (const emulator::HazardError& hazards) {
    throw hazards.with_line(line_to_paste(options, chosen, device, kind));
  }
}

// What the launch leaves, inputs and outputs.
std::vector<HostTensor> launch_on(const Options& options, const ChosenPlan& chosen,
                                  const std::shared_ptr<Device>& device, const LoadedPlan& plan,
                                  InputKind kind) {
  std::vector<HostTensor> tensors =
      load_tensors(chosen.plan.buffers, options.tensors, options.input_seed, options.spread, kind);
  const DeviceTensors on_device(device, tensors, chosen.plan.workspace_bytes);
  launch(options, chosen, *device, kind, plan, on_device);
  synchronize(*device);
  on_device.download_outputs(tensors);
  return tensors;
}

// A check of inputs that the user left to us goes through every kind of them.
std::vector<InputKind> kinds_of(const Options& options, const ChosenPlan& chosen) {
  const bool left_to_us = options.inputs.empty() && options.tensors.empty();
  std::vector<InputKind> kinds;
  for (const std::string& name : input_kinds()) {
    std::string wanted;
    InputKind& kind = kinds.emplace_back();
    value_from_text(name, kind, wanted);
    if (name == options.inputs) return {kind};
  }
  if (!options.check || !chosen.problem || !left_to_us) return {InputKind::random};
  return kinds;
}

int run(const Options& options) {
  check_input(options);
  const std::shared_ptr<Device> device = Device::open(device_id(options.selection));
  const ChosenPlan chosen = choose_plan(options.selection, device->target());
  check_outputs(chosen.plan.buffers, options.outputs);
  const std::vector<InputKind> kinds = kinds_of(options, chosen);
  const std::shared_ptr<const LoadedPlan> plan = load_plan(device, chosen.plan);
  Verdict worst;
  for (const InputKind kind : kinds) {
    const std::vector<HostTensor> tensors = launch_on(options, chosen, device, *plan, kind);
    if (kind == kinds.front()) write_outputs(tensors, options.outputs);
    if (!options.check) continue;
    Verdict verdict = chosen.problem ? check_problem(*chosen.problem, chosen.plan.config, tensors, kind)
                                     : check_program(tensors);
    if (verdict.error > worst.error || kind == kinds.front()) worst = std::move(verdict);
  }
  report(options, *device, chosen, worst);
  return worst.right ? 0 : kWrongResult;
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
  app->add_option("--inputs", options->inputs, "What inputs hold; --check without it takes each in turn")
      ->check(CLI::IsMember(input_kinds()));
  app->add_option("--tensor", options->tensors, "name=dtype[d0,d1]@file.npy|random|zeros; may be repeated")
      ->allow_extra_args(false);
  app->add_option("--output", options->outputs, "Write a tensor: name=file.npy; may be repeated")
      ->allow_extra_args(false);
  add_json_option(*app, options->selection.json);
  return {app, [options] { return run(*options); }};
}

}  // namespace warpfinch
