// Evaluators: the GPU in a child process, the static model, the recorded past. `stop` gives up what is being
// evaluated at that moment, and nothing is said of it.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "generator/target.hpp"
#include "tuner/config_database.hpp"
#include "tuner/evaluation.hpp"

namespace warpfinch {

struct DeviceEvaluatorOptions {
  std::string device = "cuda:0";
  double time_limit_s = 30;  // per candidate, compile excluded
  int compile_threads = 2;
  std::filesystem::path worker;  // program to run as `worker <device>`; found beside the library when empty
  // "emulator:sm_90a": candidates have to pass there first (emulate.hpp); empty: not.
  std::string emulator = {};
  std::stop_token stop = {};
};
// Generate, compile in parallel, spill and C75xx check in this process; correctness and measurement in a
// worker process with a time limit, restarted after a crash or a hang. Error (input) for a device that is no
// GPU.
std::unique_ptr<Evaluator> device_evaluator(const DeviceEvaluatorOptions& options);

// Without a GPU: everything but correctness and measurement; outcomes are Predictions. With an emulator the
// candidates run there first, shrunken (emulate.hpp), and the evaluations are that device's.
std::unique_ptr<Evaluator> model_evaluator(const Target& target, int compile_threads = 2,
                                           const std::string& emulator = {}, std::stop_token stop = {});

// Answers from recorded evaluations; a config that was never recorded is a Rejection (stage "replay").
std::unique_ptr<Evaluator> replay_evaluator(const ConfigDatabase& database, std::string device);

// The worker's main loop: requests on standard input, answers on standard output, one JSON object per line.
int worker_main(const std::string& device);

}  // namespace warpfinch
