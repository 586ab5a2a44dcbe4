// A problem small enough for the emulator, on which a config still takes every path that it takes on the
// whole.
#pragma once

#include "generator/config.hpp"
#include "generator/problem.hpp"
#include "generator/target.hpp"

namespace warpfinch {

// Fewer batch entries and heads, and lengths of a few tiles: enough for every ring to wrap around, with the
// same remainder by the tile, so that ragged edges and alignments stay what they were. The config is legal
// for the result; where it is legal for nothing smaller, the problem itself comes back.
Problem shrink(const Problem& problem, const Config& config, const Target& target);

}  // namespace warpfinch
