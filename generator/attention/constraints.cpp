// What attention's tiles and sums need: constraints that concern several genes.
#include <algorithm>

#include "generator/attention/operands.hpp"
#include "generator/builders.hpp"
#include "generator/constraints.hpp"
#include "generator/lower/tensors.hpp"

namespace warpfinch {
namespace {

// Registers beside S, where a tile of its own holds the exponentials that else go into P one by one (ptxas
// with order=qk_first and max_policy=speculative).
constexpr int kOthersBesideExponentials = 16;

// O leaves through the buffer of Q, or one of its own.
Reason shared_memory_violated(const AttentionForward& f, const AttentionConfig& c, const Target& target) {
  const auto tile = [&](int64_t rows, int64_t columns) {
    return lower::aligned_bytes(size_of(f.dtype) * rows * columns);
  };
  const int64_t dim = f.head_dim, value_dim = effective_value_dim(f);
  const int64_t rows = int64_t{warpgroup_rows(target)} * c.consumer_warpgroups,
                staged = int64_t{c.key_tile} * c.stage_tiles;
  const bool own = c.staging == Staging::own, apart = c.staging != Staging::over_q;
  const int64_t q = c.q_stages * tile(rows, apart ? dim : std::max(dim, value_dim)),
                o = own ? tile(rows, value_dim) : 0;
  const int64_t k = c.k_stages * tile(staged, dim), v = c.v_stages * tile(staged, value_dim);
  const int64_t p = c.p_in == WeightPlace::shared ? tile(rows, c.key_tile) : 0;
  const int64_t walk =
      lower::walk_bytes(c.tile_order == TileOrder::dynamic, first_tile_decides(c.max_policy));
  const int64_t barriers = 2 * lower::kBarrierBytes * (c.q_stages + c.k_stages + c.v_stages) + walk;
  const std::string claims = c.tile_order == TileOrder::dynamic ? fmt::format(", claims {} bytes", walk) : "";
  const std::string weights = p > 0 ? fmt::format("p {} KB, ", p / 1024) : "";
  return bytes_violated(q + k + v + p + o + std::max<int64_t>(kBarrierRoom, barriers),
                        fmt::format("q {} KB, k {} KB, v {} KB, {}o {} KB, barriers 1 KB{}", q / 1024,
                                    k / 1024, v / 1024, weights, o / 1024, claims),
                        lower::shared_limit(target, c.ctas_per_sm));
}

Reason registers_violated(const AttentionForward& f, const AttentionConfig& c, const Target& target) {
  const bool stored = c.p_in == WeightPlace::shared;
  const int s = c.key_tile / 2, p = stored ? 0 : c.key_tile / 4;  // P is packed, two to a register
  const int value_dim = static_cast<int>(effective_value_dim(f)), o = value_dim / 2;
  const bool held = c.q_in == QueryPlace::registers;
  const int q = held ? static_cast<int>(f.head_dim) / 4 : 0;  // packed like P
  if (Reason reason = instruction_violated(c.key_tile, held ? kBesideSumsAndFactor : kBesideSums,
                                           c.consumer_warpgroups, c.ctas_per_sm, target))
    return reason;
  if (Reason reason = instruction_violated(value_dim, stored ? kBesideSums : kBesideSumsAndFactor,
                                           c.consumer_warpgroups, c.ctas_per_sm, target))
    return reason;
  // Exponentials go into P one by one, but for two cases with speculative: with qk_first a product still
  // reads P when they are taken; and a P in shared memory is written when all warps of the warpgroup have
  // voted. Then a whole tile of exponentials stands beside S.
  const bool beside = c.max_policy == MaxPolicy::speculative && (c.order == Order::qk_first || stored);
  const int e = beside ? s : 0, others = beside ? kOthersBesideExponentials : kOtherRegisters;
  return consumer_need_violated(
      s + p + o + q + e + others,
      fmt::format("S {}, P {}, O {}, {}{}others {}", s, p, o, held ? fmt::format("Q {}, ", q) : "",
                  beside ? fmt::format("exponentials beside S {}, ", e) : "", others),
      shares_of(f, c, target), target);
}

}  // namespace

const Constraints<AttentionConfig>& AttentionConfig::constraints() {
  static const Constraints<AttentionConfig> all{
      {"shared_memory", "the tiles, their rings and the barriers fit into a block's shared memory",
       shared_memory_violated},
      {"registers",
       "the accumulators fit into the registers that a consumer gets from the launch's allotment",
       registers_violated}};
  return all;
}

}  // namespace warpfinch
