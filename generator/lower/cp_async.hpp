// What cp.async can copy: 16 bytes at a time, from and to multiples of 16 bytes.
#pragma once

#include <optional>
#include <string>

#include "generator/ir/program.hpp"

namespace warpfinch::lower {

// Why cp.async cannot do the load, with numbers; nothing where it can. The params' addresses are the
// launch's to check.
std::optional<std::string> cp_async_obstacle(const ir::Program& program, const ir::Op& load);
// Does a load of the param go by cp.async, so that its address must be a multiple of 16 bytes?
bool read_by_cp_async(const ir::Program& program, const std::string& param);

}  // namespace warpfinch::lower
