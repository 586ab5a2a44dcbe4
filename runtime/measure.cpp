#include "runtime/measure.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "runtime/driver_device.hpp"
#include "runtime/stream_objects.hpp"

namespace warpfinch {
namespace {

constexpr double kMaxLaunchesPerSample = 50;
constexpr size_t kMinSamples = 3;
// Below this length of a replay, the time that the host needs to hand a graph over (about 10 us) shows.
constexpr double kLeadBelowMs = 5.0;

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// A stream of its own with a pair of events around what is timed.
class Stopwatch {
 public:
  explicit Stopwatch(const Driver& driver)
      : driver_(driver),
        stream_(make_stream(driver)),
        start_(make_event(driver)),
        stop_(make_event(driver)) {}
  CUstream stream() const { return stream_.get(); }
  // Milliseconds on the device that the work enqueued by `work` takes; waits for it.
  template <class Work>
  double time(const Work& work) const {
    check(driver_, driver_.event_record(start_.get(), stream()), "cuEventRecord");
    work();
    check(driver_, driver_.event_record(stop_.get(), stream()), "cuEventRecord");
    check(driver_, driver_.event_synchronize(stop_.get()), "cuEventSynchronize");
    float milliseconds = 0;
    check(driver_, driver_.event_elapsed_time(&milliseconds, start_.get(), stop_.get()),
          "cuEventElapsedTime");
    return milliseconds;
  }
  void replay(const Graph& graph) const {
    check(driver_, driver_.graph_launch(graph.get(), stream()), "cuGraphLaunch");
  }

 private:
  const Driver& driver_;
  Stream stream_;
  Event start_, stop_;
};

// One plan as a graph of several launches.
struct Contestant {
  Graph graph;
  int launches;
  double replay_ms;  // expected
  std::vector<double> samples_us;
};

Contestant prepare(const Driver& driver, const Stopwatch& watch, const LoadedPlan& plan,
                   const std::vector<DevicePointer>& pointers, DevicePointer workspace, double sample_ms) {
  const auto launch = [&] { plan.launch(pointers, workspace, watch.stream()); };
  watch.time(launch);  // the first launch ever may be slow
  const double once_ms = std::max(watch.time(launch), 1e-3);
  const double wanted = std::round(sample_ms / once_ms);
  const int launches = static_cast<int>(std::clamp(wanted, 1.0, kMaxLaunchesPerSample));
  Graph graph = capture(driver, watch.stream(), [&] {
    for (int i = 0; i < launches; ++i) launch();
  });
  return {std::move(graph), launches, once_ms * launches, {}};
}

// At least one replay of each, so that the graphs are on the device when the first sample starts.
void warm_up(const Stopwatch& watch, std::vector<Contestant>& contestants, double warm_up_ms) {
  const auto start = std::chrono::steady_clock::now();
  do {
    for (Contestant& contestant : contestants)
      contestant.replay_ms = watch.time([&] { watch.replay(contestant.graph); });
  } while (milliseconds_since(start) < warm_up_ms * static_cast<double>(contestants.size()));
}

// A short replay is timed behind an untimed one of the same: the device then never waits for the host, and
// every sample starts from the plan's own L2 contents, not from those of the one before.
void sample(const Stopwatch& watch, Contestant& contestant) {
  if (contestant.replay_ms < kLeadBelowMs) watch.replay(contestant.graph);
  const double replay_ms = watch.time([&] { watch.replay(contestant.graph); });
  contestant.samples_us.push_back(replay_ms * 1000 / contestant.launches);
}

bool has_lost(const std::vector<double>& samples_us, const std::vector<double>& rival_us, double beyond) {
  if (beyond <= 0 || samples_us.size() < kMinSamples) return false;
  std::vector<double> rival = rival_us;
  const auto middle = rival.begin() + static_cast<std::ptrdiff_t>(rival.size() / 2);
  std::nth_element(rival.begin(), middle, rival.end());
  return *std::min_element(samples_us.begin(), samples_us.end()) > beyond * *middle;
}

}  // namespace

std::vector<Measurement> measure_interleaved(Device& device, const std::vector<const LoadedPlan*>& plans,
                                             const std::vector<DevicePointer>& pointers,
                                             DevicePointer workspace, const MeasureOptions& options) {
  const DriverDevice& on = driver_device(device);
  const CurrentContext current(on);
  const Stopwatch watch(on.driver());
  std::vector<Contestant> contestants;
  for (const LoadedPlan* plan : plans)
    contestants.push_back(prepare(on.driver(), watch, *plan, pointers, workspace, options.sample_ms));
  warm_up(watch, contestants, options.warm_up_ms);
  const auto start = std::chrono::steady_clock::now();
  const double limit_ms = options.limit_ms * static_cast<double>(plans.size());
  const size_t samples = std::max(kMinSamples, static_cast<size_t>(std::max(options.samples, 0)));
  for (size_t i = 0; i < samples && (i < kMinSamples || milliseconds_since(start) < limit_ms); ++i) {
    for (Contestant& contestant : contestants) sample(watch, contestant);
    if (has_lost(contestants.back().samples_us, contestants.front().samples_us, options.lost_beyond)) break;
  }
  std::vector<Measurement> measurements;
  for (Contestant& contestant : contestants)
    measurements.push_back(summarise(std::move(contestant.samples_us), contestant.launches));
  return measurements;
}

Measurement measure(Device& device, const LoadedPlan& plan, const std::vector<DevicePointer>& pointers,
                    DevicePointer workspace, const MeasureOptions& options) {
  return measure_interleaved(device, {&plan}, pointers, workspace, options).front();
}

}  // namespace warpfinch
