// Device + database → plans ready to launch. What the C and C++ interfaces and the command line stand on.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device.hpp"
#include "runtime/loaded_plan.hpp"
#include "tuner/config_database.hpp"

namespace warpfinch {

// A database to ask, and what origins call it.
struct ConfigSource {
  const ConfigDatabase* database;
  std::string_view name;  // "database", "shipped"
};

// The user's own database above what is shipped, those that are there.
std::vector<ConfigSource> config_sources(const std::optional<ConfigDatabase>& own,
                                         const std::optional<ConfigDatabase>& shipped);

// Which config a problem gets without one of its own: a source's (the first that knows the very shape, else
// the near one that promises most), else the static model's best.
struct Choice {
  Config config;
  // "given", "model", or the source's name, with " (near: <problem>)", " (other device: <name>)" or
  // " (measured with driver 12.4)", what its row differs in from this machine, behind it.
  std::string origin;
  // A row from a GPU of this kind, or the user's own choice. Else a guess.
  bool measured_here = true;
};
// Says in the log that nobody has measured that config on a GPU of this kind, where that is so. A machine
// without a driver measures nothing, and is told nothing.
void warn_if_unmeasured(const Problem& problem, const Choice& choice, const Machine& machine);
// sources: the first has the last word.
Choice choose_config(const Problem& problem, std::string_view config_text, const Target& target,
                     const Machine& machine, const std::vector<ConfigSource>& sources);

// Plans that an engine keeps for who asks again: more than a model has shapes, and a bound for a server that
// is asked for every length there is.
constexpr size_t kPlansKept = 256;

class Engine {
 public:
  // database may be empty: then only the shipped configs answer. Error as Device::open and ConfigDatabase.
  static std::shared_ptr<Engine> open(std::string_view device, const std::filesystem::path& database,
                                      size_t plan_limit = kPlansKept);
  // Generates, compiles (or takes from the cache) and loads; the same texts give the same plan object, as
  // long as it is among the plan_limit ones asked for last. One that is not any more lives as long as its
  // holders. A Rejection of the config becomes Error (input) with its reason. Thread-safe.
  std::shared_ptr<const LoadedPlan> plan(std::string_view problem_text, std::string_view config_text = {});
  const std::shared_ptr<Device>& device() const { return device_; }

 private:
  struct State;
  std::shared_ptr<Device> device_;
  std::shared_ptr<State> state_;
};

}  // namespace warpfinch
