// Works through a list of shapes.
#include "tuner/daemon.hpp"

namespace warpfinch {

namespace {

class Daemon {
 public:
  Daemon(const std::vector<Shape>& shapes, const Target& target, Evaluator& evaluator,
         ConfigDatabase& database, const DaemonOptions& options)
      : shapes_(shapes),
        target_(target),
        evaluator_(evaluator),
        database_(database),
        options_(options),
        machine_(evaluator.machine()) {}

  DaemonResult run() {
    for (size_t i = 0; i < shapes_.size() && !result_.stopped; ++i) {
      if (options_.tune.stop.stop_requested())
        result_.stopped = true;
      else
        work_on(i);
    }
    return result_;
  }

 private:
  void report(DaemonEvent event, size_t index, const TuneResult* tuned = nullptr,
              const std::string& why = {}) const {
    if (options_.report) options_.report(event, index, tuned, why);
  }

  void work_on(size_t index) {
    TuneOptions options = options_.tune;
    if (shapes_[index].budget) options.budget = *shapes_[index].budget;
    const ConfigDatabase::Task task{.problem = to_text(shapes_[index].problem),
                                    .sizes = {},
                                    .target = machine_.target,
                                    .device = machine_.device,
                                    .driver = machine_.driver,
                                    .nvrtc = machine_.nvrtc,
                                    .budget = to_text(options.budget)};
    if (!options_.again && database_.finished(task)) {
      ++result_.skipped;
      return report(DaemonEvent::skipped, index);
    }
    report(DaemonEvent::begin, index);
    try {
      conclude(index, task, tune(shapes_[index].problem, target_, evaluator_, database_, options));
    } catch (const Error& error) {
      if (error.kind != ErrorKind::input) throw;
      ++result_.failed;
      report(DaemonEvent::failed, index, nullptr, error.what());
    }
  }

  void conclude(size_t index, const ConfigDatabase::Task& task, const TuneResult& tuned) {
    if (tuned.stopped) {
      result_.stopped = true;
      return report(DaemonEvent::stopped, index, &tuned);
    }
    database_.set_finished(task);
    ++result_.finished;
    report(DaemonEvent::finished, index, &tuned);
  }

  const std::vector<Shape>& shapes_;
  const Target& target_;
  Evaluator& evaluator_;
  ConfigDatabase& database_;
  const DaemonOptions& options_;
  const Machine machine_;
  DaemonResult result_;
};

}  // namespace

DaemonResult run_daemon(const std::vector<Shape>& shapes, const Target& target, Evaluator& evaluator,
                        ConfigDatabase& database, const DaemonOptions& options) {
  return Daemon(shapes, target, evaluator, database, options).run();
}

}  // namespace warpfinch
