// Every evaluation, and by it the best config per problem and device. SQLite in WAL mode. Thread-safe;
// several processes may share the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generator/problem.hpp"
#include "tuner/evaluation.hpp"

namespace warpfinch {

enum class Lookup { exact, near_shape, other_device, none };

struct Best {
  Lookup how = Lookup::none;
  std::string problem;  // the one whose config this is
  std::string config;
  std::string device;
  double median_us = 0;  // measured (or predicted when `predicted`)
  bool predicted = false;
  double distance = 0;  // shape_distance from the problem that was asked for
};

class ConfigDatabase {
 public:
  // $XDG_DATA_HOME/warpfinch/configs.db, else ~/.local/share/warpfinch/configs.db; empty where neither
  // variable names a folder (user_folder).
  static std::filesystem::path default_file();
  // Creates the file with its schema where there is none. Error (input): not a database, or of a newer schema
  // (untouched). Error (environment): cannot be written, disk full. read_only: writes nothing, not even a
  // lock where the medium does not allow one; Error (input) when the file is not there.
  explicit ConfigDatabase(const std::filesystem::path& file, bool read_only = false);
  // One that lies in no file and is gone with the object.
  static ConfigDatabase in_memory();
  ~ConfigDatabase();
  ConfigDatabase(ConfigDatabase&&) noexcept;
  ConfigDatabase& operator=(ConfigDatabase&&) noexcept;

  // One transaction per call: a crash loses no row that was recorded.
  void record(const Evaluation& evaluation);
  void record(const std::vector<Evaluation>& evaluations);
  // Rows of one problem (all problems when empty), oldest first.
  std::vector<Evaluation> evaluations(const std::string& problem = {}) const;
  // Configs that may serve a problem on a device, in the order in which they are to be trusted: the shape's
  // own best; the best of each of the `shapes` nearest other shapes (shape_distance); the shape's own best on
  // another device; the nearest shapes on other devices. Measured rows only; of a config measured more than
  // once the latest counts; one that was ever wrong, with the same source, never answers.
  std::vector<Best> answers(const Problem& problem, const std::string& device, size_t shapes) const;
  // The first of them; a predicted row only when nothing measured answers and `allow_predicted`.
  Best best(const Problem& problem, const std::string& device, bool allow_predicted = false) const;
  // What that source gave on that device: a wrong result if there ever was one, else the latest time, else
  // the latest rejection.
  std::optional<Evaluation> find(const std::string& problem, const std::string& device,
                                 const std::string& digest) const;
  // One line per problem and device: the best, measured where anything was.
  std::vector<Best> list() const;
  // Rows as JSON text, one object per line; import adds those that are not there yet and returns their
  // number. Error (input) names the first bad line; then nothing is added.
  std::string export_json(const std::string& problem = {}) const;
  // The same of the best measured config per problem and device only: what is worth shipping.
  std::string export_best(const std::string& problem = {}) const;
  int import_json(const std::string& text);

  // What the daemon has finished, so that it continues where it stopped. The parts of the key: list, problem,
  // device, budget.
  struct Task {
    std::string list, problem, device, budget;
  };
  bool finished(const Task& task) const;
  void set_finished(const Task& task);

 private:
  struct Connection;
  explicit ConfigDatabase(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace warpfinch
