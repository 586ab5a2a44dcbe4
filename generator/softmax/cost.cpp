// The static model of a row softmax. It stands on rates.
#include "generator/cost.hpp"

#include <algorithm>
#include <cmath>

#include "generator/softmax/config.hpp"

namespace warpfinch {

using namespace cost;

namespace {
constexpr double kBytesInFlight = 32768;  // per multiprocessor, that cover the latency of memory
}  // namespace

double kernel_us(const Softmax& softmax, const SoftmaxConfig& c, const Target& target) {
  const double element = size_of(softmax.dtype), multiprocessors = target.multiprocessors;
  const double rows = static_cast<double>(softmax.rows), columns = static_cast<double>(softmax.columns);
  const double elements = static_cast<double>(softmax.batch) * rows * columns;
  const double blocks = static_cast<double>(softmax.batch) * ceil_div(rows, 16.0 * c.warps);
  const double registers_per_block = (c.column_tile / 2 + 30) * 32.0 * c.warps;
  const double slots =
      multiprocessors * std::max(1.0, std::floor(target.registers_per_multiprocessor / registers_per_block));
  const double waves = ceil_div(blocks, slots),
               last_wave_filled = blocks > slots ? blocks / (waves * slots) : 1.0;

  // A row that does not fit into registers is read a second time, mostly from L2.
  const double traffic = elements * element * (columns <= c.column_tile ? 2.0 : 2.5);
  const double tile_bytes = c.warps * 16.0 * std::min<double>(columns, c.column_tile) * element;
  const double covered =
      std::min(1.0, std::min(blocks, slots) * tile_bytes / (multiprocessors * kBytesInFlight));
  const double memory = traffic / (target.memory_bytes_per_second * covered * last_wave_filled);

  // Columns beyond the last one cost instructions, though no bytes.
  const double padded = elements / columns * ceil_div(columns, c.column_tile) * c.column_tile;
  const double busy = std::min(blocks, multiprocessors) * last_wave_filled;
  const double clocks = padded / (target.exponentials_per_clock * busy);
  const double between_tiles = c.tile_order == TileOrder::persistent ? 300 : 1500;
  return kLaunchUs + std::max(seconds_to_us(memory), clocks_to_us(clocks, target)) +
         clocks_to_us((waves - 1) * between_tiles, target);
}

bool repeats_another(const Softmax&, const SoftmaxConfig&) { return false; }
bool rounds_scaled_q(const SoftmaxConfig&) { return false; }

}  // namespace warpfinch
