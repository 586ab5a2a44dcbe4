// Gemm's genes, a row each. A genome and the text of a config have them in this order.
#include "generator/constraints.hpp"
#include "generator/gemm/config.hpp"

namespace warpfinch {
namespace {
using C = GemmConfig;
}

const Genes<GemmConfig>& GemmConfig::genes() {
  static const Genes<C> rows{
      {.name = "consumer_warpgroups",
       .field = field<&C::consumer_warpgroups>(),
       .printed = Printed::always,
       .meaning = "Consumer warpgroups of a block; each computes 64 rows of c",
       .place = "constant `m_tile` = 64 × consumers; pass `roles`",
       .searched = {.values = numbers({1, 2, 3, 4})},
       .constraint = {.meaning = "a block has 1 to 4 consumer warpgroups beside its producer",
                      .violated =
                          [](const Gemm&, const C& c, const Target& target) {
                            return consumers_violated(c.consumer_warpgroups, target);
                          }},
       .former = "consumers"},
      {.name = "n_tile",
       .field = field<&C::n_tile>(),
       .printed = Printed::always,
       .meaning = "Columns of c that a block computes",
       .place = "constant `n_tile`",
       .legal = {.least = 8, .most = 256, .step = 8},
       .searched = {.values = numbers({32, 64, 96, 128, 160, 192, 224, 256})}},
      {.name = "k_tile",
       .field = field<&C::k_tile>(),
       .printed = Printed::always,
       .meaning = "Columns of a that one trip of the loop loads and sums over",
       .place = "constant `k_tile`",
       .legal = {.least = 16, .most = 256, .step = 16},
       .searched = {.values = numbers({32, 64, 128})}},
      {.name = "stages",
       .field = field<&C::stages>(),
       .printed = Printed::always,
       .meaning = "Stages of the ring that holds tiles of a and b",
       .place = "`stages=` of shared tiles a and b",
       .legal = {.least = 1, .most = kMostStages},
       .searched = {.values = numbers({2, 3, 4, 5, 6})}},
      {.name = "group",
       .field = field<&C::group>(),
       .printed = Printed::always,
       .meaning = "Row tiles that blocks walk over together, so that L2 still holds their columns of b",
       .place = "`group=` of the grid",
       .legal = {.least = 1, .most = 65536},
       .searched = {.values = numbers({1, 4, 8, 16})}},
      {.name = "tile_order",
       .field = field<&C::tile_order>(),
       .printed = Printed::always,
       .meaning = "Which block computes which tile. flat: one block per tile; static: as many blocks as fit, "
                  "each with its place in every round; dynamic: as many, and each claims its next tile",
       .place = "`tile_order=` of the grid",
       .searched = {.values = {"flat", "static", "dynamic"},
                    .remark = "all tiles are equally long, so nothing has to be balanced"},
       .constraint = {.meaning = "tiles that differ in length are listed",
                      .violated = [](const Gemm&, const C& c,
                                     const Target&) { return equal_tiles_listed(c.tile_order); }}},
      {.name = "copy",
       .field = field<&C::copy>(),
       .meaning = "How a and b get into shared memory. auto: by TMA where its alignment rules allow it, else "
                  "as with ld; cp_async: the producer's threads bring 16 bytes each, where rows begin at "
                  "multiples of 16 bytes, else as with ld; ld: through the producer's registers",
       .place = "program attribute `copy=`; pass `copy_paths`",
       .searched = {.remark = "auto is best wherever it was measured: threads that copy cost registers and "
                              "issue slots"}}};
  return rows;
}

}  // namespace warpfinch
