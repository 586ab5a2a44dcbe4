// Softmax's genes, a row each. A genome and the text of a config have them in this order.
#include "generator/constraints.hpp"
#include "generator/softmax/config.hpp"

namespace warpfinch {
namespace {

using C = SoftmaxConfig;

Reason tile_order_violated(const Softmax&, const C& c, const Target&) {
  if (c.tile_order == TileOrder::dynamic)
    return fmt::format(
        "tile_order=dynamic needs a producer that claims the tiles; the {} warps of softmax have none",
        c.warps);
  return equal_tiles_listed(c.tile_order);
}

bool several_tiles(const Softmax& softmax, const C& c, const Target&) {
  return softmax.columns > c.column_tile;
}

}  // namespace

const Genes<SoftmaxConfig>& SoftmaxConfig::genes() {
  static const Genes<C> rows{
      {.name = "warps",
       .field = field<&C::warps>(),
       .printed = Printed::always,
       .meaning = "Warps of a block; each computes 16 rows",
       .place = "constant `m_tile` = 16 × warps",
       .legal = {.least = 1, .most = 32},
       .searched = {.values = numbers({1, 2, 4, 8})}},
      {.name = "column_tile",
       .field = field<&C::column_tile>(),
       .printed = Printed::always,
       .meaning = "Columns that a warp holds in registers at a time; a longer row is read twice",
       .place = "constant `column_tile`",
       .legal = {.least = 16, .most = 65536, .step = 16},
       .searched = {.values = numbers({64, 128, 256, 512})}},
      {.name = "tile_order",
       .field = field<&C::tile_order>(),
       .printed = Printed::always,
       .meaning = "Which block computes which tile. flat: one block per tile; static: as many blocks as fit, "
                  "each with its place in every round",
       .place = "`tile_order=` of the grid",
       .searched = {.values = {"flat", "static"}, .remark = "no block has a producer that could claim tiles"},
       .constraint = {.meaning = "tiles are claimed by a producer, and listed where they differ in length",
                      .violated = tile_order_violated}},
      {.name = "unroll",
       .field = field<&C::unroll>(),
       .meaning = "Column tiles whose loads a thread issues before it waits for the first of them",
       .place = "`unroll=` of the loops over columns",
       .legal = {.values = {1, 2, 4}},
       .searched = {.values = numbers({1, 2}),
                    .where = several_tiles,
                    .remark = "where a row is several tiles; 4 was never faster on Hopper"},
       .constraint = {.meaning = "loops over columns are unrolled where there is one",
                      .violated = [](const Softmax& softmax, const C& c, const Target& target) -> Reason {
                        if (c.unroll == 1 || several_tiles(softmax, c, target)) return {};
                        return fmt::format("unroll={} needs a row of several tiles; {} columns are one of {}",
                                           c.unroll, softmax.columns, c.column_tile);
                      }}}};
  return rows;
}

}  // namespace warpfinch
