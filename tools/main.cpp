// The command line program. Exit code 0: fine; 2: something wrong in text or files that the user gave; 1: no
// GPU, no NVRTC, disk, a wrong result. Each failure is one line on standard error; only what the emulator
// found is a report of several.
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "generator/result.hpp"
#include "runtime/emulator/emulated_device.hpp"
#include "runtime/log.hpp"
#include "tools/command.hpp"

namespace warpfinch {
namespace {

constexpr int kEnvironmentFailed = 1;
constexpr int kInputWrong = 2;

constexpr Command (*kCommands[])(CLI::App&) = {add_devices, add_space, add_show,   add_export,
                                               add_run,     add_tune,  add_daemon, add_database,
                                               add_cache,   add_bench, add_worker};

int fail(int code, std::string message) {
  std::fflush(stdout);  // what was printed before the failure comes first
  std::replace(message.begin(), message.end(), '\n', ' ');
  while (message.ends_with(' ')) message.pop_back();
  fmt::print(stderr, "warpfinch: {}\n", message);
  return code;
}

// A full disk behind a redirected standard output shows only here.
int finish(int code) {
  const bool written = std::fflush(stdout) == 0 && !std::ferror(stdout);
  return written ? code : fail(kEnvironmentFailed, "standard output cannot be written");
}

int run(const Command& command) {
  try {
    return finish(command.run());
  } catch (const emulator::HazardError& hazards) {
    fail(kEnvironmentFailed, hazards.summary());
    fmt::print(stderr, "\n{}\n", hazards.what());
    return kEnvironmentFailed;
  } catch (const Error& error) {
    return fail(error.kind == ErrorKind::input ? kInputWrong : kEnvironmentFailed, error.what());
  } catch (const std::exception& error) {
    return fail(kEnvironmentFailed, error.what());
  }
}

int main_of(int argc, char** argv) {
  CLI::App program("Writes, compiles, tunes and remembers GPU kernels on your own machine.", "warpfinch");
  program.set_version_flag("--version", "warpfinch " WARPFINCH_VERSION);
  // That one is there is looked at when it runs, so that an unknown word gets its own message.
  program.require_subcommand(0, 1);
  std::vector<Command> commands;
  for (auto add : kCommands) commands.push_back(add(program));
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return finish(program.exit(help_or_version));
  } catch (const CLI::ParseError& error) {
    return fail(kInputWrong, fmt::format("{} (warpfinch --help lists commands and options)", error.what()));
  }
  for (const Command& command : commands)
    if (command.app->parsed()) return run(command);
  return fail(kInputWrong, "a command is missing (warpfinch --help lists commands and options)");
}

}  // namespace
}  // namespace warpfinch

int main(int argc, char** argv) {
  // A file that meets a limit on its size (ulimit -f) is then a write that fails, with a line that says so,
  // and not our death.
  std::signal(SIGXFSZ, SIG_IGN);
  // A cache that cannot be written and the like are worth a line; WARPFINCH_LOG says otherwise.
  warpfinch::default_log_level(spdlog::level::warn);
  return warpfinch::main_of(argc, argv);
}
