// Device + database → plans ready to launch.
#include "tuner/engine.hpp"

#include <future>
#include <map>
#include <mutex>
#include <optional>

#include "generator/generate.hpp"
#include "runtime/compiler.hpp"
#include "tuner/shipped_configs.hpp"

namespace warpfinch {

using PlanFuture = std::shared_future<std::shared_ptr<const LoadedPlan>>;

struct Engine::State {
  std::optional<ConfigDatabase> database, shipped;
  std::once_flag shipped_read;
  KernelCache cache;
  std::mutex mutex;
  std::map<std::string, PlanFuture> plans;  // by problem and config text

  // What is shipped is read when the first problem comes without a config.
  std::vector<ConfigSource> sources() {
    std::call_once(shipped_read, [this] { shipped = read_shipped(); });
    return config_sources(database, shipped);
  }
};

namespace {

constexpr int kCompileThreads = 2;

// An engine only reads: a file that is there may be another user's or lie on a read-only medium. One that is
// not there yet, or empty because another process is making it just now, is created, for tuning to fill.
ConfigDatabase open_database(const std::filesystem::path& file) {
  std::error_code none;
  const bool has_content = std::filesystem::file_size(file, none) > 0 && !none;
  return ConfigDatabase(file, has_content);
}

std::shared_ptr<const LoadedPlan> make_plan(const std::shared_ptr<Device>& device, const Problem& problem,
                                            std::string_view config_text,
                                            const std::vector<ConfigSource>& sources, KernelCache& cache) {
  const Machine machine = machine_of(device->info(), device->target(), {});
  const Choice choice = choose_config(problem, config_text, device->target(), machine, sources);
  Expected<Plan> plan = generate(problem, choice.config, device->target());
  if (!plan)
    fail_input(fmt::format("config {}: {}: {}", to_text(choice.config), plan.rejection().stage,
                           plan.rejection().reason));
  const auto kernels = compile(*plan, *device, cache, kCompileThreads);
  if (!kernels)
    fail_input(fmt::format("config {}: {}: {}", to_text(choice.config), kernels.rejection().stage,
                           kernels.rejection().reason));
  return LoadedPlan::load(device, std::move(*plan), *kernels);
}

}  // namespace

std::shared_ptr<Engine> Engine::open(std::string_view device, const std::filesystem::path& database) {
  auto engine = std::make_shared<Engine>();
  engine->device_ = Device::open(device);
  engine->state_ = std::make_shared<State>();
  if (!database.empty()) engine->state_->database.emplace(open_database(database));
  return engine;
}

// The first to ask makes the plan, outside the lock; others who ask for the same meanwhile wait for his. A
// failure is not kept: the next one tries again.
std::shared_ptr<const LoadedPlan> Engine::plan(std::string_view problem_text, std::string_view config_text) {
  const Problem problem = parse_problem(problem_text);
  const std::string config =
      config_text.empty() ? std::string() : to_text(parse_config(config_text, problem));
  const std::string key = to_text(problem) + "\n" + config;
  std::promise<std::shared_ptr<const LoadedPlan>> promise;
  PlanFuture future;
  bool mine = false;
  {
    const std::lock_guard lock(state_->mutex);
    auto [place, added] = state_->plans.try_emplace(key);
    if (added) place->second = promise.get_future().share();
    future = place->second;
    mine = added;
  }
  if (!mine) return future.get();
  try {
    const auto sources = config.empty() ? state_->sources() : std::vector<ConfigSource>();
    promise.set_value(make_plan(device_, problem, config, sources, state_->cache));
  } catch (...) {
    {
      const std::lock_guard lock(state_->mutex);
      state_->plans.erase(key);
    }
    promise.set_exception(std::current_exception());
  }
  return future.get();
}

}  // namespace warpfinch
