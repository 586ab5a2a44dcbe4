// Which columns of a masked matrix a row sees: 0 .. visible_end - 1.
#pragma once

#include <algorithm>
#include <cstdint>

#include "generator/problem.hpp"

namespace warpfinch {

inline int64_t visible_end(Mask mask, int64_t row, int64_t rows, int64_t columns) {
  switch (mask) {
    case Mask::none:
      return columns;
    case Mask::causal:
      return std::clamp<int64_t>(row + 1 + columns - rows, 0, columns);
    case Mask::causal_top_left:
      return std::min(row + 1, columns);
  }
  return columns;
}

}  // namespace warpfinch
