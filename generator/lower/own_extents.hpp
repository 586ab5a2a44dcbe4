// Warpgroups of one block that end at different tiles. A part of the pass `roles`.
#pragma once

#include <vector>

#include "generator/ir/program.hpp"

namespace warpfinch::lower {

// Loops with own=E end at E for the warpgroup; the ring tiles from there on are skipped, so that every
// warpgroup hands back every tile.
void walk_own_extents(std::vector<ir::Op>& consumer);

// A `skip` for each ring that the loop at body[at] waits for, in the order of their first waits: so the
// producer fills them. A ring that it fills first has to be handed back first, or it never comes to the
// other.
std::vector<ir::Op> skips(const std::vector<ir::Op>& body, size_t at);

// Gives the loop another end: in its range, and where it is left before that.
void end_at(ir::Op& loop, const ir::Expr& end);
// The first tile behind those that a loop walks.
ir::Expr next_tile(const ir::Range& walked);

}  // namespace warpfinch::lower
