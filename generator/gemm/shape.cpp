// What decides whether a config is good for a gemm.
#include "generator/shape.hpp"

#include <fmt/format.h>

#include <cmath>

namespace warpfinch {

Shape shape_of(const Gemm& g) {
  return {
      fmt::format("{} {} {} {}", g.kName, type_class(g.dtype), size_of(g.output), value_to_text(g.layout)),
      {{positive(g.batch), 1.0}, {positive(g.m), 1.0}, {positive(g.n), 1.0}, {positive(g.k), 0.7}},
      std::string(to_text(g.dtype)),
      std::string(to_text(g.output))};
}

}  // namespace warpfinch
