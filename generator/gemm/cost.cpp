// The static model of a product. It stands on rates.
#include "generator/cost.hpp"

#include <algorithm>

#include "generator/gemm/config.hpp"
#include "generator/problem.hpp"

namespace warpfinch {

using namespace cost;

namespace {

// Estimates, not measurements: they order tile shapes sensibly until the tuner has measured.
constexpr double kL2BytesPerClock = 42;  // per multiprocessor, from L2 into shared memory
constexpr double kLoadLatency = 1500;    // clocks that the ring has to cover
constexpr double kIssueEfficiency[] = {0.66, 0.88, 0.90, 0.86};  // of the MMA rate with 1 .. 4 warpgroups

double gemm_step_clocks(const GemmConfig& c, const Target& target) {
  const double rows = 64.0 * c.consumer_warpgroups;
  const double mma = rows * c.n_tile * c.k_tile * 2.0 / target.mma_flops_per_clock;
  // m64nNk16 takes N/2 clocks and reads 64 x 16 of A and N x 16 of B from shared memory at 128 bytes a clock.
  const double shared = std::max(1.0, (16.0 + c.n_tile / 4.0) / (c.n_tile / 2.0));
  const double issue = mma * shared / kIssueEfficiency[std::clamp(c.consumer_warpgroups, 1, 4) - 1];
  const double loads = (rows + c.n_tile) * c.k_tile * 2.0 / kL2BytesPerClock;
  const double waits_per_step = 40;     // mbarrier and wgmma waits
  const double ahead = c.stages - 1.5;  // one stage is being read, one is on its way back half of the time
  const double uncovered = std::max(0.0, kLoadLatency - ahead * std::max(issue, loads)) / c.stages;
  return std::max(issue + waits_per_step, loads) + uncovered;
}

}  // namespace

double kernel_us(const Gemm& gemm, const GemmConfig& c, const Target& target) {
  const double rows = 64.0 * c.consumer_warpgroups;
  const double tiles = static_cast<double>(gemm.batch) * ceil_div(static_cast<double>(gemm.m), rows) *
                       ceil_div(static_cast<double>(gemm.n), c.n_tile);
  const double steps = ceil_div(static_cast<double>(gemm.k), c.k_tile);
  const double waves = ceil_div(tiles, target.multiprocessors);
  const double store = rows * c.n_tile * size_of(gemm.output) / kL2BytesPerClock;
  const double between_tiles =
      store + (c.tile_order == TileOrder::flat ? 1500 : 300) + claim_clocks(c.tile_order);
  const double group = c.group == 1 ? 1.03 : c.group == 4 ? 1.01 : 1.0;  // rereads of A and B that miss L2
  const double compute = waves * (steps * gemm_step_clocks(c, target) * group + between_tiles);
  const double memory = bytes(gemm) / target.memory_bytes_per_second;
  return kLaunchUs + std::max(clocks_to_us(compute, target), seconds_to_us(memory));
}

bool repeats_another(const Gemm&, const GemmConfig&) { return false; }
bool rounds_scaled_q(const GemmConfig&) { return false; }

}  // namespace warpfinch
