// Device + database → plans ready to launch.
#include "tuner/engine.hpp"

#include <cassert>
#include <future>
#include <list>
#include <map>
#include <mutex>
#include <optional>

#include "generator/generate.hpp"
#include "runtime/compiler.hpp"
#include "tuner/shipped_configs.hpp"

namespace warpfinch {

namespace {

using PlanFuture = std::shared_future<std::shared_ptr<const LoadedPlan>>;

// The plans asked for last, made or being made, by problem and config text. Who holds a plan that is
// forgotten here keeps it whole; who asks again gets a new one.
class RecentPlans {
 public:
  explicit RecentPlans(size_t limit) : limit_(limit) { assert(limit > 0); }

  // The plan of that key; where there is none, `promised` takes its place. The second says whether it did.
  std::pair<PlanFuture, bool> find_or_add(const std::string& key, const PlanFuture& promised) {
    std::list<Entry> forgotten;  // outlives the lock: kernels may be unloaded with it
    const std::lock_guard lock(mutex_);
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
      by_age_.splice(by_age_.begin(), by_age_, found->second);
      return {found->second->plan, false};
    }
    by_age_.push_front({key, promised});
    by_key_.emplace(key, by_age_.begin());
    if (by_age_.size() > limit_) {
      by_key_.erase(by_age_.back().key);
      forgotten.splice(forgotten.begin(), by_age_, std::prev(by_age_.end()));
    }
    return {promised, true};
  }

  void forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return;  // long ago
    by_age_.erase(found->second);
    by_key_.erase(found);
  }

 private:
  struct Entry {
    std::string key;
    PlanFuture plan;
  };
  size_t limit_;
  std::mutex mutex_;
  std::list<Entry> by_age_;  // the one asked for last is first
  std::map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace

struct Engine::State {
  explicit State(size_t plan_limit) : plans(plan_limit) {}
  std::optional<ConfigDatabase> database, shipped;
  std::once_flag shipped_read;
  KernelCache cache;
  RecentPlans plans;

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
  warn_if_unmeasured(problem, choice, machine);
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

std::shared_ptr<Engine> Engine::open(std::string_view device, const std::filesystem::path& database,
                                     size_t plan_limit) {
  auto engine = std::make_shared<Engine>();
  engine->device_ = Device::open(device);
  engine->state_ = std::make_shared<State>(plan_limit);
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
  const auto [future, mine] = state_->plans.find_or_add(key, promise.get_future().share());
  if (!mine) return future.get();
  try {
    const auto sources = config.empty() ? state_->sources() : std::vector<ConfigSource>();
    promise.set_value(make_plan(device_, problem, config, sources, state_->cache));
  } catch (...) {
    state_->plans.forget(key);
    promise.set_exception(std::current_exception());
  }
  return future.get();
}

}  // namespace warpfinch
