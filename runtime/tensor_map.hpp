// A plan's TensorMap as the 128 bytes that the TMA unit reads. Internal to runtime/.
#pragma once

#include "generator/plan.hpp"
#include "runtime/driver.hpp"
#include "runtime/loaded_plan.hpp"

namespace warpfinch {

// `address` must be a multiple of 16. `owner` names what the map is of in the message of an Error.
CUtensorMap encode(const Driver& driver, const TensorMap& map, DevicePointer address,
                   const std::string& owner);

}  // namespace warpfinch
