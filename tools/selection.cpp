#include "tools/selection.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "generator/text.hpp"
#include "runtime/compiler.hpp"
#include "runtime/device.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "tools/files.hpp"
#include "tools/output.hpp"
#include "tuner/engine.hpp"
#include "tuner/shipped_configs.hpp"

namespace warpfinch {
namespace {

template <class Number>
std::string number_fault(const std::string& text, Number least, Number most) {
  Number number{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = code == std::errc() && end == text.data() + text.size();
  if (whole && least <= number && number <= most) return "";
  return fmt::format("'{}' should be a whole number from {} to {}", text, least, most);
}

ChosenPlan program_plan(const Selection& selection, const Target& target, const StageObserver& observe) {
  if (!selection.config.empty())
    fail_input("--config goes with --problem; a program carries its schedule as attributes of its own");
  const std::string text = read_file(selection.program);
  const auto located = [&](const std::string& what) {
    return fmt::format("{}: {}", input_name(selection.program), what);
  };
  try {
    Expected<Plan> plan = generate_program(text, target, observe);
    if (!plan) fail_input(fmt::format("{}: {}", plan.rejection().stage, plan.rejection().reason));
    return {std::nullopt, "program", std::move(*plan)};
  } catch (const Error& error) {
    throw Error(error.kind, located(error.what()));
  }
}

ChosenPlan problem_plan(const Selection& selection, const Target& target, const StageObserver& observe) {
  const Problem problem = parse_problem(selection.problem);
  const bool given = !selection.config.empty();
  const auto database = given ? std::nullopt : database_to_read(selection.database);
  const auto shipped = given ? std::nullopt : read_shipped();
  const Machine machine = machine_for(selection.device, target);
  const Choice choice =
      choose_config(problem, selection.config, target, machine, config_sources(database, shipped));
  warn_if_unmeasured(problem, choice, machine);
  return {problem, choice.origin, take(generate(problem, choice.config, target, observe), ErrorKind::input)};
}

}  // namespace

void add_problem_options(CLI::App& command, Selection& selection) {
  command.add_option("--problem", selection.problem,
                     "What to compute: \"gemm m=4096 n=4096 k=4096 dtype=bf16\"");
  command.add_option("--program", selection.program,
                     "Your own tile program (.tir) in place of a problem; - is standard input");
  command.add_option("--config", selection.config,
                     "Config text; without it the database's, else the static model's best");
  add_database_option(command, selection);
}

void add_target_option(CLI::App& command, Selection& selection) {
  command.add_option("--target", selection.target, "GPU architecture")->capture_default_str();
}

CLI::Option* add_device_option(CLI::App& command, Selection& selection) {
  return command.add_option("--device", selection.device, "GPU or emulator, as `warpfinch devices` names it")
      ->capture_default_str();
}

std::string seed_fault(const std::string& text) { return number_fault(text, uint64_t{0}, ~uint64_t{0}); }

CLI::Validator whole_number(int least, int most) {
  return {[=](std::string& text) { return number_fault(text, least, most); },
          fmt::format("{} to {}", least, most)};
}

void add_schedule_seed_option(CLI::App& command, Selection& selection) {
  command
      .add_option("--schedule-seed", selection.schedule_seed,
                  "Order of threads and completions in the emulator; results must not depend on it")
      ->check(seed_fault);
}

void add_database_option(CLI::App& command, Selection& selection) {
  command.add_option("--database", selection.database, "Config database (SQLite file)");
}

void add_json_option(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "One JSON object per line (keys: tools/README.md)");
}

std::vector<Shape> read_shapes(const std::string& file) {
  return parse_shapes(read_file(file), input_name(file));
}

std::filesystem::path database_file(const std::string& given) {
  return given.empty() ? ConfigDatabase::default_file() : std::filesystem::path(given);
}

std::optional<ConfigDatabase> database_to_read(const std::string& given) {
  const std::filesystem::path file = database_file(given);
  std::error_code ignored;
  if (std::filesystem::exists(file, ignored)) return ConfigDatabase(file, true);
  if (!given.empty()) fail_input(fmt::format("{}: no such database; `warpfinch tune` makes one", given));
  return std::nullopt;
}

ConfigDatabase database_to_write(const std::string& given) {
  const std::filesystem::path file = database_file(given);
  if (file.empty())
    fail_environment(
        "no place for the database: neither XDG_DATA_HOME nor HOME names a folder by its absolute path; "
        "--database can name a file");
  return ConfigDatabase(file);
}

std::string device_id(const Selection& selection) {
  if (!selection.schedule_seed) return selection.device;
  return emulator::with_schedule_seed(selection.device, *selection.schedule_seed);
}

Machine machine_for(const std::string& device, const Target& target) {
  const std::string gpu = device.substr(0, device.find(','));  // "cuda:0" of "cuda:0,target=sm_90"
  for (const DeviceInfo& info : list_devices())
    if (info.id == gpu) return machine_of(info, target, nvrtc_version());
  return {.device = "model:" + target.name, .driver = {}, .nvrtc = {}, .target = target.name};
}

ChosenPlan choose_plan(const Selection& selection, const Target& target, const StageObserver& observe) {
  if (selection.problem.empty() == selection.program.empty())
    fail_input(selection.problem.empty() ? "give --problem TEXT or --program FILE"
                                         : "give either --problem or --program, not both");
  return selection.problem.empty() ? program_plan(selection, target, observe)
                                   : problem_plan(selection, target, observe);
}

void print_json(const Json& object) { print_out("{}\n", to_line(object)); }

}  // namespace warpfinch
