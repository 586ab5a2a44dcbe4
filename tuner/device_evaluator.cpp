// The GPU in a worker process: finds the device and the program, the rest is worker_evaluator.cpp.
#include <unistd.h>

#include <cstdlib>

#include "runtime/compiler.hpp"
#include "runtime/device.hpp"
#include "runtime/own_file.hpp"
#include "tuner/emulate.hpp"
#include "tuner/evaluators.hpp"
#include "tuner/worker_evaluator.hpp"

namespace warpfinch {

namespace {

bool is_program(const std::filesystem::path& file) {
  return std::filesystem::is_regular_file(file) && access(file.c_str(), X_OK) == 0;
}

std::filesystem::path find_program(const std::filesystem::path& given) {
  const char* variable = std::getenv("WARPFINCH_PROGRAM");
  std::filesystem::path wanted = given;
  if (wanted.empty() && variable && *variable) wanted = variable;
  if (!wanted.empty()) {
    if (!is_program(wanted)) fail_input(fmt::format("worker {}: is no program", wanted.string()));
    return wanted;
  }
  std::error_code code;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", code).parent_path() / "warpfinch";
  if (is_program(beside)) return beside;
  // The library may lie in lib/, or in a folder of it for its architecture.
  const std::filesystem::path library = own_file().parent_path();
  const auto near = library.parent_path() / "bin/warpfinch";
  const auto above = library.parent_path().parent_path() / "bin/warpfinch";
  for (const auto& place : {near, above})
    if (is_program(place)) return place;
  fail_environment(
      fmt::format("the program warpfinch, which measures in a process of its own, is none of {}, {} and {}; "
                  "WARPFINCH_PROGRAM can name it",
                  beside.string(), near.string(), above.string()));
}

}  // namespace

std::unique_ptr<Evaluator> device_evaluator(const DeviceEvaluatorOptions& options) {
  if (!options.device.starts_with("cuda:"))
    fail_input(fmt::format("device {}: should be cuda:0, cuda:1, …", quote(options.device)));
  // Not opened: this process never holds a context, which a bad kernel could kill.
  const DeviceInfo info = device_info(options.device);
  auto cache = std::make_shared<KernelCache>();
  WorkerEvaluatorOptions worker;
  worker.command = {find_program(options.worker).string(), "worker", options.device};
  worker.time_limit_s = options.time_limit_s;
  worker.compile_threads = options.compile_threads;
  worker.stop = options.stop;
  const Target target = target_of(info);
  worker.machine = machine_of(info, target, nvrtc_version());
  worker.prepare = [cache, target, stop = options.stop](const Problem& problem, const Config& config) {
    return prepare_candidate(problem, config, target, *cache, stop);
  };
  if (!options.emulator.empty())
    worker.prepare = with_emulation(std::move(worker.prepare), target, options.emulator, options.stop);
  return worker_evaluator(std::move(worker));
}

}  // namespace warpfinch
