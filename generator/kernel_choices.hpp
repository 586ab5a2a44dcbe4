// Choices that kernels of several operations have. What each value means stands in the genes' rows.
#pragma once

#include <array>
#include <string_view>

#include "generator/fields.hpp"

namespace warpfinch {

// Which block computes which tile, and when.
enum class TileOrder { flat, persistent, dynamic, balanced };
template <>
struct EnumNames<TileOrder> {
  static constexpr std::array<std::string_view, 4> names{"flat", "static", "dynamic", "balanced"};
};

// How operands get into shared memory.
enum class CopyPath { automatic, ld, cp_async };
template <>
struct EnumNames<CopyPath> {
  static constexpr std::array<std::string_view, 3> names{"auto", "ld", "cp_async"};
};

}  // namespace warpfinch
