// Timing: graph replays between events, warm-up first, medians with spread.
#pragma once

#include <vector>

#include "runtime/loaded_plan.hpp"
#include "runtime/measurement.hpp"

namespace warpfinch {

struct MeasureOptions {
  int samples = 15;        // graph replays
  double warm_up_ms = 20;  // of replays before the first sample
  double sample_ms = 1.0;  // wanted length of one replay; launches per graph follow from it (1..50)
  double limit_ms = 2000;  // stop sampling after that much time (at least 3 samples)
  // Of several plans: stop as soon as the last one has lost, its fastest sample longer than so many medians
  // of the first one (after 3 samples). 0: never.
  double lost_beyond = 0;
};

// Times one plan. Buffers hold whatever the caller put there; L2 is warm.
Measurement measure(Device& device, const LoadedPlan& plan, const std::vector<DevicePointer>& pointers,
                    DevicePointer workspace, const MeasureOptions& options = {});
// Times several plans of the same buffers in alternation, so that clocks and heat treat them alike.
std::vector<Measurement> measure_interleaved(Device& device, const std::vector<const LoadedPlan*>& plans,
                                             const std::vector<DevicePointer>& pointers,
                                             DevicePointer workspace, const MeasureOptions& options = {});

}  // namespace warpfinch
