// Did a kernel write what it should, and only that?
#pragma once

#include <optional>
#include <string>

#include "runtime/workload.hpp"

namespace warpfinch {

// A sentence when an element of an output is NaN, the poison that it was filled with.
std::optional<std::string> unwritten(const HostTensor& output, int threads);

// A sentence when what lies between the elements of a strided output is no longer uniform.
std::optional<std::string> stray_write(const HostTensor& output);

}  // namespace warpfinch
