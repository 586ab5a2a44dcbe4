// What decides whether a config is good for attention: how much work there is for each multiprocessor (waves,
// tile height, splitting), how long a block's loop is, and then, less, how the work is spread over heads.
#include "generator/shape.hpp"

#include <fmt/format.h>

#include <cmath>

namespace warpfinch {

namespace {

// Beyond so many row tiles (about 40 waves of today's GPUs) one more changes nothing.
constexpr double kMostTiles = 5000;
constexpr double kRowTile = 128;

template <class Attention>
Shape shape(const Attention& f) {
  const double heads = positive(f.batch * f.q_heads);
  const double rows = positive(f.q_len), tiles = heads * std::ceil(rows / kRowTile);
  const double macs_per_pair = positive(f.head_dim) + positive(effective_value_dim(f));
  // Keys that a row sees on average: what a window leaves of them is what a block walks over.
  const double keys = std::max(1.0, flops_of(f) / (2 * heads * rows * macs_per_pair));
  return {fmt::format("{} {} {} {} masked={} left={} right={}", f.kName, type_class(f.dtype), f.head_dim,
                      effective_value_dim(f), f.mask != Mask::none, f.window_left >= 0, f.window_right >= 0),
          {{std::min(tiles, kMostTiles), 1.0},
           {keys, 0.7},
           {rows, 0.5},
           {positive(f.q_heads) / positive(f.kv_heads), 0.2},
           {heads, 0.1}},
          std::string(to_text(f.dtype)),
          fmt::format("{} {}", value_to_text(f.layout), f.lse)};
}

}  // namespace

Shape shape_of(const AttentionForward& attention) { return shape(attention); }
Shape shape_of(const AttentionThreeKernel& attention) { return shape(attention); }

}  // namespace warpfinch
