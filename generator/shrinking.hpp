// What operations say about their sizes when a problem is made small for the emulator (shrink.hpp).
#pragma once

#include <algorithm>
#include <cstdint>

#include "generator/config.hpp"

namespace warpfinch {

// What one axis of a problem has to keep: so many elements at least, and its remainder by a period.
struct Need {
  int64_t least = 1, period = 1;
};

// Covers both; periods are tiles, of which one mostly divides the other.
inline Need both(const Need& a, const Need& b) {
  return {std::max(a.least, b.least), std::max(a.period, b.period)};
}

// The next length from `least` on with the same remainder; never above the length itself.
inline int64_t shortened(int64_t length, const Need& need) {
  const int64_t first = std::max<int64_t>(need.least, 1);
  const int64_t missing = (length - first) % need.period;
  return std::min(length, first + (missing + need.period) % need.period);
}

// More than one tile, the last one ragged where the whole's is.
inline Need tiles(int64_t tile) { return {tile + 1, tile}; }
// A ring of so many stages goes round once and wraps.
inline Need ring(int64_t tile, int64_t stages) { return {(stages + 1) * tile + 1, tile}; }

// The two axes of the score matrix (attention), or the three of a product.
struct Needs {
  Need rows, columns, depth;
};

// What a kernel's config needs of its axes; each beside its genes.
Needs needs_of(const GemmConfig& config);
Needs needs_of(const SoftmaxConfig& config);
Needs needs_of(const AttentionConfig& config);
inline Needs needs_of(const Config& config, size_t kernel) {
  return std::visit([](const auto& c) { return needs_of(c); }, config.kernels.at(kernel));
}

}  // namespace warpfinch
