// Device + database → plans ready to launch. What the C and C++ interfaces and the command line stand on.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/device.hpp"
#include "runtime/loaded_plan.hpp"
#include "tuner/config_database.hpp"

namespace warpfinch {

// Which config a problem gets without one of its own: the database's (exact or near), else the static model's
// best.
struct Choice {
  Config config;
  // "given", "database", "database (near: <problem>)", "database (other device: <name>)", "model".
  std::string origin;
};
Choice choose_config(const Problem& problem, std::string_view config_text, const Target& target,
                     const std::string& device_name, const ConfigDatabase* database);

class Engine {
 public:
  // database may be empty: none is used. Error as Device::open and ConfigDatabase.
  static std::shared_ptr<Engine> open(std::string_view device, const std::filesystem::path& database);
  // Generates, compiles (or takes from the cache) and loads; the same texts give the same plan object.
  // A Rejection of the config becomes Error (input) with its reason. Thread-safe.
  std::shared_ptr<const LoadedPlan> plan(std::string_view problem_text, std::string_view config_text = {});
  const std::shared_ptr<Device>& device() const { return device_; }

 private:
  struct State;
  std::shared_ptr<Device> device_;
  std::shared_ptr<State> state_;
};

}  // namespace warpfinch
