// The sizes of a problem that decide whether a config is good for it. A config that was measured on one
// problem is tried on another whose sizes are near (tuner/shape_distance.hpp).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "generator/problem.hpp"

namespace warpfinch {

struct Size {
  double value, weight;
};

// What must be equal for a config to carry over, the sizes, and what else may differ at a price.
struct Shape {
  std::string kind;
  std::vector<Size> sizes;
  std::string type, layout;
};

inline double positive(int64_t value) { return static_cast<double>(std::max<int64_t>(value, 1)); }
inline std::string type_class(DataType type) {
  return size_of(type) == 2 ? "16-bit" : std::string(to_text(type));
}

Shape shape_of(const Gemm& gemm);
Shape shape_of(const Softmax& softmax);
Shape shape_of(const AttentionForward& attention);
Shape shape_of(const AttentionThreeKernel& attention);

}  // namespace warpfinch
