// The parent's side of the worker process. Apart from the GPU and the program behind it, so that its
// behaviour with a worker that hangs, crashes or lies can be tested anywhere.
//
// The protocol, one JSON object per line. The worker says {"ready": true} once its device is open, then for
// each request {"id": 1, "problem": "…", "config": "…"}:
//   {"id": 1, "cubin": "…"}       cubin_digest() of what it loaded
//   {"id": 1, "step": "run"}      what it begins: compile, inputs, wait (for the GPU), run, check, measure;
//                                 each has its limit
//   {"id": 1, "accuracy": {"max_error": 0.4, "worst": "…"}}       always before a measurement
//   {"id": 1, "measurement": {...}}, or {"id": 1, "rejection": {…}}: the last line;
//   "ending": true beside a rejection: the context is dead, and the worker with it
//   {"error": "…"}                    the machine is at fault, not the candidate: tuning cannot go on
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "tuner/candidate.hpp"
#include "tuner/evaluation.hpp"

namespace warpfinch {

struct WorkerEvaluatorOptions {
  std::vector<std::string> command;  // program and arguments
  Machine machine;                   // what the evaluations say
  double time_limit_s = 30;          // for each step on the GPU
  double host_limit_s = 600;         // for each step that only the CPU does: compile, inputs, check
  double start_limit_s = 120;        // until it is ready
  int compile_threads = 2;
  Prepare prepare;  // in this process, before the worker sees the candidate
  std::stop_token stop = {};
};
std::unique_ptr<Evaluator> worker_evaluator(WorkerEvaluatorOptions options);

}  // namespace warpfinch
