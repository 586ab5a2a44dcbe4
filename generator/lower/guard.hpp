// Where consumers wait for ring tiles and hand them back. A part of the pass `roles`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generator/ir/program.hpp"
#include "generator/result.hpp"

namespace warpfinch::lower {

// Is the op a load into shared memory?
bool is_async_load(const ir::Op& op);

// Takes the loads into shared memory out of the consumers' body: a wait before the first op that uses a tile,
// a release behind the last. A tile that a loop loads for its next trip is held over the loop's end; one that
// is held where a loop is left is handed back behind the loop.
std::optional<Rejection> guard_rings(const ir::Program& program, std::vector<ir::Op>& body);

// A fence behind the waits for tiles that cp.async fills and an mma reads: cp.async writes as ordinary stores
// do, through the generic proxy, and no thread of the producer waits for its end, behind which it could
// fence.
void fence_copies(const ir::Program& program, std::vector<ir::Op>& body);

}  // namespace warpfinch::lower
