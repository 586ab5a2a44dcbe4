// The verifier's rules, one function each.
#pragma once

#include <optional>

#include "generator/ir/program.hpp"
#include "generator/result.hpp"
#include "generator/target.hpp"

namespace warpfinch::lower {

// A Rejection that shows the op, and its line where it was read from a text.
Rejection refuse(const ir::Op& op, const std::string& reason);

// Shapes and types of one op's tensors agree; the matrix unit's limits on extents. Silent where extents are
// symbols yet.
std::optional<Rejection> check_shapes(const ir::Program& program, const ir::Op& op, const Target& target);
// Attributes of the kernel and its declarations are known; every attribute's value is in its domain.
std::optional<Rejection> check_attributes(const ir::Program& program, const Target& target);
// Bodies, roles and what each role may hold are as the emitter takes them; no size overflows.
std::optional<Rejection> check_structure(const ir::Program& program, const Target& target);
// What stands around the tiles of a walked program is what the pass `walk` writes; `scheduled`: without it.
std::optional<Rejection> check_walked(const ir::Program& program, const ir::Program& scheduled,
                                      const Target& target);
// Every copy's `via` can do it; aliases fit; staged results are fenced and waited for.
std::optional<Rejection> check_copies(const ir::Program& program, const Target& target);
// The producer fills every stage that it acquires, hands it over and moves on.
std::optional<Rejection> check_producers(const ir::Program& program, const Target& target);
// Registers are written before they are read, results are stored, slices and strides stay in bounds.
std::optional<Rejection> check_values(const ir::Program& program, const Target& target);
// Threads, shared memory and register budgets fit the target.
std::optional<Rejection> check_resources(const ir::Program& program, const Target& target);
// Producer and consumers walk over each ring in the same loops with the same counts, so no barrier can wait
// for an arrival that never comes; consumers read a ring tile only between its wait and its release.
std::optional<Rejection> check_rings(const ir::Program& program, const Target& target);
// No op touches registers that an mma in flight reads or writes; every mma is fenced and committed.
std::optional<Rejection> check_flight(const ir::Program& program, const Target& target);
// Every pingpong_wait has its pingpong_pass in the same block, in loops whose bounds do not depend on the
// warpgroup.
std::optional<Rejection> check_pingpongs(const ir::Program& program, const Target& target);

// Blocks of a cluster load the same places equally often, each its part of whole swizzles.
std::optional<Rejection> check_clusters(const ir::Program& program, const Target& target);

// Producers use no name that only consumers have.
std::optional<Rejection> check_producer_names(const ir::Program& program, const Target& target);

}  // namespace warpfinch::lower
