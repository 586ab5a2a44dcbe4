// The schedule of one product. Every field is a row of genes.cpp.
#pragma once

#include "generator/genes.hpp"
#include "generator/kernel_choices.hpp"
#include "generator/problem.hpp"

namespace warpfinch {

struct GemmConfig {
  static constexpr std::string_view kName = "gemm";
  using Computes = Gemm;
  int consumers = 2;
  int n_tile = 128, k_tile = 64;
  int stages = 4;
  int group = 8;
  TileOrder tile_order = TileOrder::flat;
  CopyPath copy = CopyPath::automatic;
  bool operator==(const GemmConfig&) const = default;
  static const Genes<GemmConfig>& genes();
  // Those that concern several genes.
  static const Constraints<GemmConfig>& constraints();
};

}  // namespace warpfinch
