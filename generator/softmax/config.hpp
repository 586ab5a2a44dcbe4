// The schedule of a row softmax. Every field is a row of genes.cpp.
#pragma once

#include "generator/genes.hpp"
#include "generator/kernel_choices.hpp"
#include "generator/softmax/problem.hpp"

namespace warpfinch {

struct SoftmaxConfig {
  static constexpr std::string_view kName = "softmax";
  using Computes = Softmax;
  int warps = 4;
  int column_tile = 128;
  TileOrder tile_order = TileOrder::flat;
  int unroll = 1;
  bool operator==(const SoftmaxConfig&) const = default;
  static const Genes<SoftmaxConfig>& genes();
  // Those that concern several genes.
  static const Constraints<SoftmaxConfig>& constraints();
};

// The parts that every kernel has (generator/config.hpp says what they are).
double kernel_us(const Softmax& problem, const SoftmaxConfig& config, const Target& target);
bool repeats_another(const Softmax& problem, const SoftmaxConfig& config);
bool rounds_scaled_q(const SoftmaxConfig& config);

}  // namespace warpfinch
