// tile_order=balanced: which tiles each block does.
#pragma once

#include <cstdint>
#include <vector>

#include "generator/ir/program.hpp"

namespace warpfinch::lower {

// More would fill the kernel with numbers, and blocks that do many tiles each are even without.
constexpr int64_t kMostListed = 2048;

// What each tile of a scheduled grid costs: the bytes that its loads bring into shared memory or registers,
// which grow with the trips of its loops, as its time does.
std::vector<int64_t> tile_costs(const ir::Program& program);

// The tiles of each of so many lists, long ones first in each, so that the largest sum of costs is small:
// longest tile first to the shortest list (Graham 1969), then tiles moved or swapped away from the longest
// list while that brings it nearer to another.
std::vector<std::vector<int64_t>> balanced_lists(const std::vector<int64_t>& costs, int64_t lists);

}  // namespace warpfinch::lower
