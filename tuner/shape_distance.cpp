// What decides whether a config is good: how much work there is for each multiprocessor (waves, tile height,
// splitting), how long a block's loop is, and then, less, how the work is spread over heads. Two problems are
// near when these sizes are, whatever product of lengths, heads and batch they come from.
#include "tuner/shape_distance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

namespace warpfinch {
namespace {

// Beyond so many row tiles (about 40 waves of today's GPUs) one more changes nothing.
constexpr double kMostTiles = 5000;
constexpr double kRowTile = 128;
constexpr double kOtherType = 0.5;  // octaves between bf16 and fp16: ranges differ, and so may the reference
constexpr double kOtherLayout = 0.1;

struct Size {
  double value, weight;
};

// What must be equal for a config to carry over, the sizes, and what else may differ at a price.
struct Shape {
  std::string kind;
  std::vector<Size> sizes;
  std::string type, layout;
};

double number(int64_t value) { return static_cast<double>(std::max<int64_t>(value, 1)); }

std::string type_class(DataType type) { return size_of(type) == 2 ? "16-bit" : std::string(to_text(type)); }

template <std::derived_from<AttentionFields> Attention>
Shape shape_of(const Attention& f) {
  const double heads = number(f.batch * f.q_heads);
  const double rows = number(f.q_len), tiles = heads * std::ceil(rows / kRowTile);
  const double macs_per_pair = number(f.head_dim) + number(effective_value_dim(f));
  // Keys that a row sees on average: what a window leaves of them is what a block walks over.
  const double keys = std::max(1.0, flops_of(f) / (2 * heads * rows * macs_per_pair));
  return {fmt::format("{} {} {} {} masked={} left={} right={}", f.kName, type_class(f.dtype), f.head_dim,
                      effective_value_dim(f), f.mask != Mask::none, f.window_left >= 0, f.window_right >= 0),
          {{std::min(tiles, kMostTiles), 1.0},
           {keys, 0.7},
           {rows, 0.5},
           {number(f.q_heads) / number(f.kv_heads), 0.2},
           {heads, 0.1}},
          std::string(to_text(f.dtype)),
          fmt::format("{} {}", value_to_text(f.layout), f.lse)};
}

Shape shape_of(const Gemm& g) {
  return {
      fmt::format("{} {} {} {}", g.kName, type_class(g.dtype), size_of(g.output), value_to_text(g.layout)),
      {{number(g.batch), 1.0}, {number(g.m), 1.0}, {number(g.n), 1.0}, {number(g.k), 0.7}},
      std::string(to_text(g.dtype)),
      std::string(to_text(g.output))};
}

Shape shape_of(const Softmax& s) {
  return {fmt::format("{} {} {}", s.kName, type_class(s.dtype), value_to_text(s.mask)),
          {{number(s.batch * s.rows), 1.0}, {number(s.columns), 1.0}},
          std::string(to_text(s.dtype)),
          {}};
}

Shape shape(const Problem& problem) {
  return std::visit([](const auto& operation) { return shape_of(operation); }, problem);
}

}  // namespace

double shape_distance(const Problem& a, const Problem& b) {
  const Shape x = shape(a), y = shape(b);
  if (x.kind != y.kind) return std::numeric_limits<double>::infinity();
  double octaves = (x.type != y.type ? kOtherType : 0) + (x.layout != y.layout ? kOtherLayout : 0);
  for (size_t i = 0; i < x.sizes.size(); ++i)
    octaves += x.sizes[i].weight * std::abs(std::log2(x.sizes[i].value) - std::log2(y.sizes[i].value));
  return octaves;
}

}  // namespace warpfinch
