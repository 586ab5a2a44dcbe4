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
  std::string problem = {};  // the one whose config this is
  std::string config = {};
  std::string device = {};
  double median_us = 0;  // measured (or predicted when `predicted`)
  bool predicted = false;
  double distance = 0;           // shape_distance from the problem that was asked for
  std::string differences = {};  // of the machine that asked and the row's on the same device: "driver 12.4"
};

// Which rows: those whose column, as text, matches the glob ("attention*", "NVIDIA H[12]00").
struct Pattern {
  std::string column, glob;
};

class ConfigDatabase {
 public:
  // $XDG_DATA_HOME/warpfinch/configs.db, else ~/.local/share/warpfinch/configs.db; empty where neither
  // variable names a folder (user_folder).
  static std::filesystem::path default_file();
  // Creates the file with its schema where there is none or an empty one, and upgrades an older schema. Error
  // (input): not a database, or of a newer schema (untouched). Error (environment): cannot be written, disk
  // full. read_only: changes nothing; Error (input) when the file is not there.
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
  // Configs that may serve a problem on a machine, in the order in which they are to be trusted: the shape's
  // own best; the best of each of the `shapes` nearest other shapes (shape_distance); the shape's own best on
  // another device; the nearest shapes on other devices. Rows measured in that regime only; of a config
  // measured more than once the latest counts; one that was ever wrong, by the same text and NVRTC or by the
  // same cubin, never answers. Rows of another driver or NVRTC do, with their differences.
  std::vector<Best> answers(const Problem& problem, const Machine& machine, size_t shapes,
                            const Regime& regime = {}) const;
  // The first of them; a predicted row only when nothing measured answers and `allow_predicted`.
  Best best(const Problem& problem, const Machine& machine, bool allow_predicted = false) const;
  // What came of a kernel before: of the same problem, sizes, device, target and driver, with the same text
  // and NVRTC or with the same cubin, whatever its config was called then. A wrong result if there ever was
  // one, else the latest time, else the latest rejection.
  std::optional<Evaluation> find(const Evaluation& like) const;
  // One line per problem and device: the best, measured where anything was.
  std::vector<Best> list() const;
  // Rows as JSON text, one object per line; import adds those that are not there yet and returns their
  // number. Error (input) names the first bad line; then nothing is added.
  std::string export_json(const std::string& problem = {}) const;
  // The same of the best measured config per problem and device only: what is worth shipping.
  std::string export_best(const std::string& problem = {}) const;
  int import_json(const std::string& text);

  // Removes the rows that match all the patterns, and counts them per problem and device; with dry_run only
  // counts. A problem of which a device has no row left is finished no longer. Error (input): no pattern, or
  // no such column.
  struct Forgotten {
    std::string problem, device;
    int64_t rows = 0;
  };
  std::vector<Forgotten> forget(const std::vector<Pattern>& patterns, bool dry_run = false);

  // What the daemon has finished, so that it continues where it stopped: a problem, where and with what. The
  // list that named it is no part of it.
  struct Task {
    std::string problem, sizes, target, device, driver, nvrtc, budget;
    static constexpr auto fields() {
      return std::tuple{core("problem", &Task::problem), core("sizes", &Task::sizes),
                        core("target", &Task::target),   core("device", &Task::device),
                        core("driver", &Task::driver),   core("nvrtc", &Task::nvrtc),
                        core("budget", &Task::budget)};
    }
  };
  bool finished(const Task& task) const;
  void set_finished(const Task& task);

 private:
  struct Connection;
  explicit ConfigDatabase(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace warpfinch
