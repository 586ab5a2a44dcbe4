// A softmax made small for the emulator.
#include "generator/operations.hpp"
#include "generator/shrinking.hpp"

namespace warpfinch {

constexpr int64_t kTileRows = 16;  // of a warp

Needs needs_of(const SoftmaxConfig& c) { return {tiles(c.warps * kTileRows), ring(c.column_tile, 1), {}}; }

Softmax shrunk(Softmax softmax, const Config& config) {
  const Needs needs = needs_of(config, 0);
  softmax.batch = std::min<int64_t>(softmax.batch, 2);
  softmax.rows = shortened(softmax.rows, needs.rows);
  softmax.columns = shortened(softmax.columns, needs.columns);
  return softmax;
}

}  // namespace warpfinch
