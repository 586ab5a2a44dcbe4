// What rings and sums of a product need.
#include "generator/constraints.hpp"

#include "generator/gemm/config.hpp"

namespace warpfinch {
namespace {

// Room for c is no must: without it the generator stores c from registers.
Reason shared_memory_violated(const Gemm& gemm, const GemmConfig& c, const Target& target) {
  const int64_t rows = int64_t{warpgroup_rows(target)} * c.consumer_warpgroups;
  const int64_t ring = int64_t{size_of(gemm.dtype)} * c.stages * (rows + c.n_tile) * c.k_tile;
  return bytes_violated(ring + kBarrierRoom, fmt::format("ring {} KB, barriers 1 KB", ring / 1024),
                        target.shared_bytes_per_block);
}

Reason registers_violated(const Gemm&, const GemmConfig& c, const Target& target) {
  if (Reason reason = instruction_violated(c.n_tile, kBesideSums, c.consumer_warpgroups, 1, target))
    return reason;
  const int sums = c.n_tile / 2;
  return consumer_need_violated(sums + kOtherRegisters, fmt::format("C {}, others {}", sums, kOtherRegisters),
                                {.consumers = c.consumer_warpgroups}, target);
}

}  // namespace

const Constraints<GemmConfig>& GemmConfig::constraints() {
  static const Constraints<GemmConfig> all{
      {"shared_memory", "the ring and the barriers fit into a block's shared memory", shared_memory_violated},
      {"registers", "the sums fit into the registers that a consumer gets from the launch's allotment",
       registers_violated}};
  return all;
}

}  // namespace warpfinch
