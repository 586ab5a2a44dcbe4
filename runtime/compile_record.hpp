// A compiled kernel as the bytes that the cache keeps: NVRTC's version, the log and the cubin, each with its
// length. What ptxas used is read from the log again, so that a better reader profits from old records.
#pragma once

#include <optional>
#include <string>

#include "runtime/compiler.hpp"

namespace warpfinch {

std::string record_of(const CompiledKernel& kernel);
// Nothing when the bytes are not such a record.
std::optional<CompiledKernel> kernel_from_record(std::string_view record);

}  // namespace warpfinch
