// Two problems are near when their sizes are, whatever product of lengths, heads and batch they come from.
#include "tuner/shape_distance.hpp"

#include <cmath>
#include <limits>

#include "generator/shape.hpp"

namespace warpfinch {
namespace {

constexpr double kOtherType = 0.5;  // octaves between bf16 and fp16: ranges differ, and so may the policy
constexpr double kOtherLayout = 0.1;

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
