#include "runtime/emulator/tensor_copy.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace warpfinch::emulator {

int64_t box_bytes(const TensorMap& map) {
  int64_t bytes = size_of(map.type);
  for (int extent : map.box) bytes *= extent;
  return bytes;
}

void for_each_box_row(const TensorMap& map, const int* at, const std::function<void(const BoxRow&)>& visit) {
  const int64_t size = size_of(map.type), row_bytes = map.box[0] * size;
  const int64_t first = std::clamp<int64_t>(-static_cast<int64_t>(at[0]), 0, map.box[0]);
  const int64_t last = std::clamp<int64_t>(map.shape[0] - at[0], first, map.box[0]);
  const int64_t rows = box_bytes(map) / row_bytes;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t offset = (at[0] + first) * size;
    bool inside = true;
    for (int64_t d = 1, rest = row; d < static_cast<int64_t>(map.box.size()); ++d) {
      const auto i = static_cast<size_t>(d);
      const int64_t index = at[i] + rest % map.box[i];
      rest /= map.box[i];
      inside = inside && index >= 0 && index < map.shape[i];
      offset += index * map.byte_strides[i - 1];
    }
    visit({row * row_bytes, offset, first * size, inside ? (last - first) * size : 0, row_bytes});
  }
}

std::string map_fault(const TensorMap& map, const void* base) {
  if (map.shape.empty() || map.shape.size() > 5) return fmt::format("{} dimensions", map.shape.size());
  if (reinterpret_cast<uintptr_t>(base) % 16 != 0) return "its base is no multiple of 16 bytes";
  for (int64_t stride : map.byte_strides)
    if (stride % 16 != 0 || stride <= 0) return fmt::format("a stride of {} bytes", stride);
  for (int extent : map.box)
    if (extent < 1 || extent > 256) return fmt::format("a box extent of {}", extent);
  const int64_t inner = map.box[0] * size_of(map.type);
  if (inner % 16 != 0) return fmt::format("box rows of {} bytes, no multiple of 16", inner);
  if (map.swizzle != 0 && inner > map.swizzle)
    return fmt::format("box rows of {} bytes, more than the swizzle's {}", inner, map.swizzle);
  return {};
}

}  // namespace warpfinch::emulator
