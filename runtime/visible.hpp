// Which columns of a masked matrix a row sees: visible_begin .. visible_end - 1.
#pragma once

#include <algorithm>
#include <cstdint>

#include "generator/problem.hpp"

namespace warpfinch {

inline int64_t visible_begin(const Band& band, int64_t row, int64_t columns) {
  return band.first ? std::clamp<int64_t>(row + *band.first, 0, columns) : 0;
}
inline int64_t visible_end(const Band& band, int64_t row, int64_t columns) {
  return band.last ? std::clamp<int64_t>(row + *band.last + 1, 0, columns) : columns;
}

}  // namespace warpfinch
