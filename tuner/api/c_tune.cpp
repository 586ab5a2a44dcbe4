// Tuning through the C interface: a device evaluator in child processes, the engine's database, the caller's
// callback.
#include <fmt/format.h>

#include <limits>
#include <optional>

#include "runtime/emulator/emulated_device.hpp"
#include "tuner/api/boundary.hpp"
#include "tuner/evaluators.hpp"
#include "tuner/shipped_configs.hpp"
#include "tuner/tune.hpp"

namespace warpfinch {
namespace {

// Hands the tuner's progress to the callback; the texts live during this call.
bool report(const TuneProgress& state, wf_progress_callback callback, void* user_data) {
  std::string rejection;
  const bool rejected = state.last && std::holds_alternative<Rejection>(state.last->outcome);
  if (rejected) {
    const auto& reason = std::get<Rejection>(state.last->outcome);
    rejection = fmt::format("{}: {}", reason.stage, reason.reason);
  }
  const double never = std::numeric_limits<double>::infinity();
  const wf_progress progress{.struct_size = sizeof(wf_progress),
                             .problem = state.problem.c_str(),
                             .done = state.done,
                             .rejected = state.rejected,
                             .config = state.last ? state.last->config.c_str() : "",
                             .microseconds = state.last ? cost_us(*state.last) : never,
                             .rejection = rejected ? rejection.c_str() : nullptr,
                             .best_config = state.best ? state.best->config.c_str() : nullptr,
                             .best_microseconds = state.best ? cost_us(*state.best) : never};
  return callback(&progress, user_data) == 0;
}

// What tune() needs of an engine, taken under its lock.
std::shared_ptr<Device> device_of(wf_engine_s& handle) {
  const std::lock_guard lock(handle.mutex);
  return handle.engine->device();
}

// The emulator judges what is right and leaves the times to the static model.
std::unique_ptr<Evaluator> evaluator_of(const Device& device, const std::stop_token& stop) {
  const std::string& id = device.info().id;
  if (emulator::is_emulator(id)) return model_evaluator(target_by_name(device.target().name), 2, id, stop);
  DeviceEvaluatorOptions options;
  options.device = id;
  options.stop = stop;
  return device_evaluator(options);
}

// A fresh engine asks the database again; plans that were handed out keep what they stand on.
void forget_plans(wf_engine_s& handle) {
  auto fresh = Engine::open(device_of(handle)->info().id, handle.database);
  const std::lock_guard lock(handle.mutex);
  handle.engine = std::move(fresh);
}

// A run of wf_tune, while it lives: wf_stop_tuning finds it in its engine.
class Tuning {
 public:
  explicit Tuning(wf_engine_s& handle) : handle_(handle) {
    const std::lock_guard lock(handle_.mutex);
    place_ = handle_.tunings.insert(handle_.tunings.end(), stop_);
  }
  ~Tuning() {
    const std::lock_guard lock(handle_.mutex);
    handle_.tunings.erase(place_);
  }
  Tuning(const Tuning&) = delete;
  Tuning& operator=(const Tuning&) = delete;
  void stop() { stop_.request_stop(); }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  wf_engine_s& handle_;
  std::stop_source stop_;
  std::list<std::stop_source>::iterator place_;
};

}  // namespace
}  // namespace warpfinch

using namespace warpfinch;

wf_status wf_tune(wf_engine_t* engine, const wf_tune_args* args) {
  return guarded([&] {
    require(engine, "wf_tune", "engine");
    const wf_tune_args run = read_struct(args, "wf_tune", "wf_tune_args");
    if (run.flags != 0) fail_input(fmt::format("wf_tune: flags is {:#x}, no flag is defined", run.flags));
    const Problem problem = parse_problem(required_text(run.problem, "wf_tune", "problem"));
    TuneOptions options;
    options.budget = parse_budget(required_text(run.budget, "wf_tune", "budget"));
    options.seed = run.seed;
    options.confirmations = kConfirmations;
    const std::optional<ConfigDatabase> shipped = read_shipped();
    options.shipped = shipped ? &*shipped : nullptr;
    if (engine->database.empty())
      fail_input("wf_tune: the engine was opened without a database, so there is no place for the results");
    Tuning tuning(*engine);
    options.stop = tuning.token();
    if (run.progress)
      options.progress = [&](const TuneProgress& state) {
        if (!report(state, run.progress, run.user_data)) tuning.stop();
      };
    const std::shared_ptr<Device> device = device_of(*engine);
    const auto evaluator = evaluator_of(*device, options.stop);
    ConfigDatabase database(engine->database);
    const TuneResult result = tune(problem, device->target(), *evaluator, database, options);
    forget_plans(*engine);
    if (!result.best && !result.stopped)
      fail_environment(fmt::format("wf_tune: {}: {}", why_no_best(result), to_text(problem)));
  });
}

wf_status wf_stop_tuning(wf_engine_t* engine) {
  return guarded([&] {
    require(engine, "wf_stop_tuning", "engine");
    const std::lock_guard lock(engine->mutex);
    for (std::stop_source& tuning : engine->tunings) tuning.request_stop();
  });
}
