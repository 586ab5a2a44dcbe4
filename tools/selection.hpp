// What most commands share: which problem or program, which config, for which target, from which database.
#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

#include "generator/generate.hpp"
#include "tuner/config_database.hpp"
#include "tuner/evaluation_json.hpp"
#include "tuner/shapes.hpp"

namespace warpfinch {

struct Selection {
  std::string problem, config, program;
  std::string target = "sm_90a";
  std::string device = "cuda:0";
  std::optional<uint64_t> schedule_seed;  // of the emulator
  std::string database;                   // empty: the default one, where it exists
  bool json = false;
};

// --problem, --config, --program, --database. One of problem and program has to be there: see choose_plan.
void add_problem_options(CLI::App& command, Selection& selection);
void add_target_option(CLI::App& command, Selection& selection);
CLI::Option* add_device_option(CLI::App& command, Selection& selection);
// Of a seed's text, for CLI::Option::check, since the option itself takes -1 for 2^64 - 1; empty: none.
std::string seed_fault(const std::string& text);
// For CLI::Option::check. CLI11's own range says it in other words from release to release.
CLI::Validator whole_number(int least, int most);
void add_schedule_seed_option(CLI::App& command, Selection& selection);
void add_database_option(CLI::App& command, Selection& selection);
void add_json_option(CLI::App& command, bool& json);

// A list of shapes from a file, "-" being standard input. Error (input).
std::vector<Shape> read_shapes(const std::string& file);

// The database to read. None when --database was not given and the default one does not exist; Error (input)
// for a given one that does not exist.
std::optional<ConfigDatabase> database_to_read(const std::string& given);
// The database to write, created where there is none. Error (environment): no place for the default one.
ConfigDatabase database_to_write(const std::string& given);
// The file that either of them means; empty where there is no place for the default one.
std::filesystem::path database_file(const std::string& given);

// The device's text with the schedule seed in it; Error (input) for a seed without an emulator.
std::string device_id(const Selection& selection);
// What the database calls the device "cuda:0", and what is known of it; "model:<target>" where there is no
// such GPU.
Machine machine_for(const std::string& device, const Target& target);

struct ChosenPlan {
  std::optional<Problem> problem;  // none for a user's program
  std::string origin;              // of the config, as Choice::origin; "program" for a user's program
  Plan plan;
};
// Generates what the selection names. Error (input): neither or both of problem and program, text that does
// not parse, a config that is rejected.
ChosenPlan choose_plan(const Selection& selection, const Target& target, const StageObserver& observe = {});
// The value, or its rejection as an Error of that kind.
template <class T>
T take(Expected<T> expected, ErrorKind kind) {
  if (expected) return std::move(*expected);
  throw Error(kind, expected.rejection().stage + ": " + expected.rejection().reason);
}

void print_json(const Json& object);

}  // namespace warpfinch
