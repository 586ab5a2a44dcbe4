// warpfinch database: what tuning has found out, listed, shown, taken to another machine.
#include <fmt/format.h>

#include "generator/quote.hpp"
#include "tools/command.hpp"
#include "tools/files.hpp"
#include "tools/output.hpp"
#include "tools/selection.hpp"

namespace warpfinch {
namespace {

struct Options {
  Selection selection;
  std::string file = "-";
  bool best = false, dry_run = false;
  std::vector<std::string> patterns;
};

// A default database that nothing has written yet is empty, not an error.
std::string exported(const Options& options) {
  const std::optional<ConfigDatabase> database = database_to_read(options.selection.database);
  if (!database) return {};
  return options.best ? database->export_best(options.selection.problem)
                      : database->export_json(options.selection.problem);
}

Json json_of(const Best& best) {
  return {{"problem", best.problem},
          {"config", best.config},
          {"device", best.device},
          {best.predicted ? "predicted_us" : "median_us", best.median_us}};
}

int list(const Options& options) {
  const std::optional<ConfigDatabase> database = database_to_read(options.selection.database);
  const std::vector<Best> all = database ? database->list() : std::vector<Best>();
  for (const Best& best : all) {
    if (options.selection.json)
      print_json(json_of(best));
    else
      print_out("{}\n  {} {:.2f} us  {}\n  {}\n", printable(best.problem),
                best.predicted ? "predicted" : "measured", best.median_us, printable(best.device),
                printable(best.config));
  }
  if (all.empty() && !options.selection.json) {
    const std::string file = database_file(options.selection.database).string();
    print_out("{}: empty\n", file.empty() ? "no database (neither XDG_DATA_HOME nor HOME is set)" : file);
  }
  return 0;
}

std::string outcome_text(const Evaluation& evaluation) {
  if (const auto* measured = std::get_if<Measurement>(&evaluation.outcome))
    return fmt::format("measured {:.2f} us (spread {:.1f} %)", measured->median_us, 100 * measured->spread);
  if (const auto* predicted = std::get_if<Prediction>(&evaluation.outcome))
    return fmt::format("predicted {:.2f} us", predicted->us);
  const Rejection& rejection = std::get<Rejection>(evaluation.outcome);
  return fmt::format("rejected ({}): {}", rejection.stage, rejection.reason);
}

int show(const Options& options) {
  const std::string problem =
      options.selection.problem.empty() ? std::string() : to_text(parse_problem(options.selection.problem));
  const std::optional<ConfigDatabase> database = database_to_read(options.selection.database);
  const std::vector<Evaluation> rows = database ? database->evaluations(problem) : std::vector<Evaluation>();
  std::string shown;
  for (const Evaluation& row : rows) {
    if (options.selection.json)
      print_json(to_json(row));
    else {
      if (row.problem != shown) print_out("{}\n", printable(row.problem));
      shown = row.problem;
      print_out("  {}  {}\n    {}  {}\n", printable(row.time), printable(row.device), printable(row.config),
                printable(outcome_text(row)));
    }
  }
  if (rows.empty() && !options.selection.json) print_out("nothing is known of it\n");
  return 0;
}

int export_rows(Options options) {
  if (!options.selection.problem.empty())
    options.selection.problem = to_text(parse_problem(options.selection.problem));
  write_file(options.file, exported(options));
  return 0;
}

int import_rows(const Options& options) {
  const std::string text = read_file(options.file);
  ConfigDatabase database = database_to_write(options.selection.database);
  const int added = [&] {
    try {
      return database.import_json(text);
    } catch (const Error& error) {
      if (error.kind != ErrorKind::input) throw;
      throw Error(error.kind, fmt::format("{}: {}", input_name(options.file), error.what()));
    }
  }();
  if (options.selection.json)
    print_json({{"added", added}});
  else
    print_out("added {} rows to {}\n", added, database_file(options.selection.database).string());
  return 0;
}

// "device=NVIDIA H[12]00"
Pattern parse_pattern(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos)
    fail_input(fmt::format("pattern {}: should be FIELD=GLOB, as 'device=model:*'", quote(text)));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// None from a default database that is not there; forgetting must not make it.
std::vector<ConfigDatabase::Forgotten> forget_rows(const Options& options,
                                                   const std::vector<Pattern>& patterns) {
  std::optional<ConfigDatabase> database = database_to_read(options.selection.database);
  if (!database) return {};
  if (options.dry_run) return database->forget(patterns, true);
  return database_to_write(options.selection.database).forget(patterns);
}

int forget(const Options& options) {
  std::vector<Pattern> patterns;
  for (const std::string& text : options.patterns) patterns.push_back(parse_pattern(text));
  int64_t rows = 0;
  for (const ConfigDatabase::Forgotten& one : forget_rows(options, patterns)) {
    rows += one.rows;
    if (options.selection.json)
      print_json({{"problem", one.problem}, {"device", one.device}, {"rows", one.rows}});
    else
      print_out("{:>8}  {}  {}\n", one.rows, printable(one.device), printable(one.problem));
  }
  if (!options.selection.json) print_out("{} {} rows\n", options.dry_run ? "would forget" : "forgot", rows);
  return 0;
}

CLI::App* add_subcommand(CLI::App& app, const char* name, const char* meaning, Selection& selection) {
  CLI::App* command = app.add_subcommand(name, meaning);
  add_database_option(*command, selection);
  return command;
}

}  // namespace

Command add_database(CLI::App& program) {
  CLI::App* app = program.add_subcommand("database", "What tuning has found out");
  // That one is there is looked at when it runs, so that an unknown word gets its own message.
  app->require_subcommand(0, 1);
  auto options = std::make_shared<Options>();
  Selection& selection = options->selection;
  CLI::App* list_app = add_subcommand(*app, "list", "The best config of each problem and device", selection);
  CLI::App* show_app = add_subcommand(*app, "show", "Every evaluation of a problem, or of all", selection);
  CLI::App* export_app = add_subcommand(*app, "export", "Evaluations as JSON lines", selection);
  CLI::App* import_app = add_subcommand(*app, "import", "Add exported evaluations", selection);
  CLI::App* forget_app = add_subcommand(*app, "forget", "Remove evaluations", selection);
  for (CLI::App* command : {show_app, export_app})
    command->add_option("--problem", selection.problem, "Only this problem");
  for (CLI::App* command : {list_app, show_app, import_app, forget_app})
    add_json_option(*command, selection.json);
  export_app->add_flag("--best", options->best, "Only the best measured row of each problem and device");
  add_json_option(*export_app, selection.json);  // it is JSON anyway
  export_app->add_option("-o,--output", options->file, "File to write; - is standard output")
      ->capture_default_str();
  import_app->add_option("file", options->file, "File that `database export` wrote; - is standard input")
      ->required();
  forget_app
      ->add_option("pattern", options->patterns,
                   "FIELD=GLOB, as 'problem=gemm*'; rows that match all of them are removed")
      ->required();
  forget_app->add_flag("--dry-run", options->dry_run, "Only say what would be removed");
  return {app, [=] {
            if (list_app->parsed()) return list(*options);
            if (show_app->parsed()) return show(*options);
            if (export_app->parsed()) return export_rows(*options);
            if (import_app->parsed()) return import_rows(*options);
            if (forget_app->parsed()) return forget(*options);
            fail_input("database: a command is missing: list, show, export, import or forget");
          }};
}

}  // namespace warpfinch
