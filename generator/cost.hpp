// What the static models of all kernels share.
#pragma once

#include <cmath>

#include "generator/kernel_choices.hpp"
#include "generator/target.hpp"

namespace warpfinch::cost {

// Launch, first loads and last stores of one wave (measured: 0.6 + 1.5-2).
inline constexpr double kLaunchUs = 3.0;

inline double ceil_div(double a, double b) { return std::ceil(a / b); }
inline double seconds_to_us(double seconds) { return seconds * 1e6; }
inline double clocks_to_us(double clocks, const Target& target) { return clocks / (target.clock_ghz * 1e3); }

// Of a claim, what is seen behind the tile before: an estimate.
inline double claim_clocks(TileOrder order) { return order == TileOrder::dynamic ? 100 : 0; }

}  // namespace warpfinch::cost
