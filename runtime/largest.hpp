// The maximum that a softmax is taken relative to.
#pragma once

#include <cmath>
#include <cstdint>

namespace warpfinch {

// Index of the first NaN, else of the first of the largest values. count > 0.
inline int64_t index_of_largest(const double* values, int64_t count) {
  int64_t largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (std::isnan(values[i])) return i;
    if (values[i] > values[largest]) largest = i;
  }
  return largest;
}

}  // namespace warpfinch
