// The program's commands. Each stands in its own file, adds itself with its options to the command line and
// gives back what has to be run when the user names it.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace warpfinch {

struct Command {
  const CLI::App* app;
  std::function<int()> run;  // the exit code; throws Error
};

Command add_devices(CLI::App& program);
Command add_problems(CLI::App& program);
Command add_space(CLI::App& program);
Command add_show(CLI::App& program);
Command add_export(CLI::App& program);
Command add_run(CLI::App& program);
Command add_tune(CLI::App& program);
Command add_daemon(CLI::App& program);
Command add_database(CLI::App& program);
Command add_cache(CLI::App& program);
Command add_bench(CLI::App& program);
Command add_worker(CLI::App& program);  // hidden: the tuner's child process

}  // namespace warpfinch
