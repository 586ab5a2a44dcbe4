// The command line program. Exit code 0: fine; 2: something wrong in text or files that the user gave; 1: no
// GPU, no NVRTC, disk, a wrong result. Each failure is one line on standard error; only what the emulator
// found is a report of several.
#include <fmt/format.h>

#include <new>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "generator/result.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/log.hpp"
#include "tools/command.hpp"
#include "tools/output.hpp"

namespace warpfinch {
namespace {

constexpr int kEnvironmentFailed = 1;
constexpr int kInputWrong = 2;

constexpr Command (*kCommands[])(CLI::App&) = {add_devices,  add_problems, add_space, add_show,
                                               add_export,   add_run,      add_tune,  add_daemon,
                                               add_database, add_cache,    add_bench, add_worker};

int fail(int code, std::string_view message) {
  print_error(fmt::format("warpfinch: {}\n", one_line(message)));
  return code;
}

// An empty value is a variable of a script that was not set, and no wish for the default.
void refuse_empty_values(CLI::App& app) {
  for (CLI::Option* option : app.get_options())
    option->check(
        [](const std::string& value) { return std::string(value.empty() ? "the value is empty" : ""); });
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) refuse_empty_values(*command);
}

int run(int argc, char** argv) {
  CLI::App program("Writes, compiles, tunes and remembers GPU kernels on your own machine.", "warpfinch");
  program.set_version_flag("--version", "warpfinch " WARPFINCH_VERSION);
  // That one is there is looked at when it runs, so that an unknown word gets its own message.
  program.require_subcommand(0, 1);
  std::vector<Command> commands;
  for (auto add : kCommands) commands.push_back(add(program));
  refuse_empty_values(program);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return program.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    return fail(kInputWrong, fmt::format("{} (warpfinch --help lists commands and options)", error.what()));
  }
  for (const Command& command : commands)
    if (command.app->parsed()) return command.run();
  return fail(kInputWrong, "a command is missing (warpfinch --help lists commands and options)");
}

// A full disk behind a redirected stream may show only at the end; then what ended well did not.
int finish(int code) {
  flush_out();
  return code == 0 && errors_lost() ? kEnvironmentFailed : code;
}

int main_of(int argc, char** argv) {
  try {
    return finish(run(argc, argv));
  } catch (const emulator::HazardError& hazards) {
    fail(kEnvironmentFailed, hazards.summary());
    print_error(fmt::format("\n{}\n", hazards.what()));
    return kEnvironmentFailed;
  } catch (const Error& error) {
    return fail(error.kind == ErrorKind::input ? kInputWrong : kEnvironmentFailed, error.what());
  } catch (const std::bad_alloc&) {
    return fail(kEnvironmentFailed, "out of memory");
  } catch (const std::exception& error) {
    return fail(kEnvironmentFailed, error.what());
  }
}

}  // namespace
}  // namespace warpfinch

int main(int argc, char** argv) {
  warpfinch::hold_standard_streams();
  // A file that meets a limit on its size (ulimit -f) is then a write that fails, with a line that says so,
  // and not our death.
  std::signal(SIGXFSZ, SIG_IGN);
  // A cache that cannot be written and the like are worth a line; WARPFINCH_LOG says otherwise.
  warpfinch::default_log_level(spdlog::level::warn);
  return warpfinch::main_of(argc, argv);
}
