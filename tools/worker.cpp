// warpfinch worker: the child process in which the tuner checks and times candidates, because a bad kernel
// can kill a CUDA context or never end. Not for people: it speaks JSON on its standard streams.
#include "tools/command.hpp"
#include "tuner/evaluators.hpp"

namespace warpfinch {

Command add_worker(CLI::App& program) {
  CLI::App* app = program.add_subcommand("worker", "The tuner's child process");
  app->group("");  // hidden
  auto device = std::make_shared<std::string>();
  app->add_option("device", *device, "GPU")->required();
  return {app, [device] { return worker_main(*device); }};
}

}  // namespace warpfinch
