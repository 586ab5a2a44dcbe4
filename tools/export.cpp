// warpfinch export: a kernel as one file that plain nvcc compiles, and that checks itself when run.
#include "runtime/export.hpp"

#include <algorithm>

#include "tools/command.hpp"
#include "tools/files.hpp"
#include "tools/output.hpp"
#include "tools/selection.hpp"

namespace warpfinch {
namespace {

struct Options {
  Selection selection;
  std::string file;
};

int export_plan(const Options& options) {
  const Target& target = target_by_name(options.selection.target);
  const ChosenPlan chosen = choose_plan(options.selection, target);
  const std::string text = export_cuda(chosen.plan, chosen.problem);
  write_file(options.file, text);
  if (is_standard_output(options.file)) return 0;
  const auto lines = std::count(text.begin(), text.end(), '\n');
  if (options.selection.json)
    print_json({{"file", options.file},
                {"problem", chosen.plan.problem},
                {"config", chosen.plan.config},
                {"origin", chosen.origin},
                {"kernels", chosen.plan.launches.size()},
                {"lines", lines}});
  else
    print_out("{0}: {1} lines\n  {2}\n  {3}  ({4})\n  nvcc -arch={5} {0} && ./a.out\n",
              one_line(options.file), lines, chosen.plan.problem, chosen.plan.config, chosen.origin,
              target.name);
  return 0;
}

}  // namespace

Command add_export(CLI::App& program) {
  CLI::App* app = program.add_subcommand("export", "Write a kernel as one self-contained .cu");
  auto options = std::make_shared<Options>();
  add_problem_options(*app, options->selection);
  add_target_option(*app, options->selection);
  add_device_option(*app, options->selection);
  app->add_option("-o,--output", options->file, "File to write; - is standard output")->required();
  add_json_option(*app, options->selection.json);
  return {app, [options] { return export_plan(*options); }};
}

}  // namespace warpfinch
