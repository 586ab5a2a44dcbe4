// Programs whose walk over tiles stands as ops: a `launch` in place of the grid.
#pragma once

#include "generator/ir/program.hpp"
#include "generator/result.hpp"
#include "generator/target.hpp"

namespace warpfinch::lower {

// Has the pass `walk` run?
bool is_walked(const ir::Program& program);
// The launch of a program whose grid has one axis, the tiles.
ir::Op launch_of(const ir::Program& program, const Target& target);
// CUDA's limit.
std::optional<Rejection> check_blocks(const ir::Op& grid);
// The launch op of a walked program.
const ir::Op& launch_of(const ir::Program& walked);
// The other way: a program with a grid of one axis, whose roles decode the others, for the rules about
// scheduled programs. A Rejection where a role does not come to its tiles as the pass writes it.
Expected<ir::Program> unwalked(const ir::Program& walked);

}  // namespace warpfinch::lower
