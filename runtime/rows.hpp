// Walking over a strided tensor row by row: a row is the last dimension.
#pragma once

#include <cstdint>

#include "generator/plan.hpp"

namespace warpfinch {

inline int64_t row_length(const Buffer& buffer) { return buffer.shape.empty() ? 1 : buffer.shape.back(); }
inline int64_t row_stride(const Buffer& buffer) { return buffer.strides.empty() ? 1 : buffer.strides.back(); }

inline int64_t row_count(const Buffer& buffer) {
  int64_t count = 1;
  for (size_t i = 0; i + 1 < buffer.shape.size(); ++i) count *= buffer.shape[i];
  return count;
}

// Where the first element of a row lies. Rows are numbered in C order of the shape.
inline int64_t row_offset(const Buffer& buffer, int64_t row) {
  int64_t offset = 0;
  for (size_t i = buffer.shape.size(); i-- > 0;) {
    if (i + 1 == buffer.shape.size()) continue;
    offset += row % buffer.shape[i] * buffer.strides[i];
    row /= buffer.shape[i];
  }
  return offset;
}

}  // namespace warpfinch
