// A gemm made small for the emulator.
#include "generator/operations.hpp"
#include "generator/shrinking.hpp"

namespace warpfinch {

constexpr int64_t kTileRows = 64;  // of a consumer warpgroup

Needs needs_of(const GemmConfig& c) {
  return {tiles(c.consumer_warpgroups * kTileRows), tiles(c.n_tile), ring(c.k_tile, c.stages)};
}

Gemm shrunk(Gemm gemm, const Config& config) {
  const Needs needs = needs_of(config, 0);
  gemm.batch = std::min<int64_t>(gemm.batch, 2);
  gemm.m = shortened(gemm.m, needs.rows);
  gemm.n = shortened(gemm.n, needs.columns);
  gemm.k = shortened(gemm.k, needs.depth);
  return gemm;
}

}  // namespace warpfinch
