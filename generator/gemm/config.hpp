// The schedule of one product. Every field is a row of genes.cpp.
#pragma once

#include "generator/gemm/problem.hpp"
#include "generator/genes.hpp"
#include "generator/kernel_choices.hpp"

namespace warpfinch {

struct GemmConfig {
  static constexpr std::string_view kName = "gemm";
  using Computes = Gemm;
  int consumer_warpgroups = 2;
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

// The parts that every kernel has (generator/config.hpp says what they are).
double kernel_us(const Gemm& problem, const GemmConfig& config, const Target& target);
bool repeats_another(const Gemm& problem, const GemmConfig& config);
bool rounds_scaled_q(const GemmConfig& config);

}  // namespace warpfinch
