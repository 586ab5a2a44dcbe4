// What decides whether a config is good for a softmax.
#include "generator/shape.hpp"

#include <fmt/format.h>

#include <cmath>

namespace warpfinch {

Shape shape_of(const Softmax& s) {
  return {fmt::format("{} {} {}", s.kName, type_class(s.dtype), value_to_text(s.mask)),
          {{positive(s.batch * s.rows), 1.0}, {positive(s.columns), 1.0}},
          std::string(to_text(s.dtype)),
          {}};
}

}  // namespace warpfinch
