// One launch of a plan with data from the host, for whoever wants to see what it computes.
#pragma once

#include <vector>

#include "runtime/loaded_plan.hpp"
#include "runtime/workload.hpp"

namespace warpfinch {

// Uploads the tensors (the plan's buffers, in order), launches, waits and overwrites the outputs with what
// the kernels left. Workspace is poisoned first, so that what one kernel leaves unwritten for the next is
// NaN.
void run_once(const std::shared_ptr<Device>& device, const LoadedPlan& plan,
              std::vector<HostTensor>& tensors);

}  // namespace warpfinch
