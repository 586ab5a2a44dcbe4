#include "generator/plan.hpp"

#include <algorithm>

namespace warpfinch {

int64_t extent(const Buffer& buffer) {
  int64_t last = 0;
  for (size_t i = 0; i < buffer.shape.size(); ++i) {
    if (buffer.shape[i] == 0) return 0;
    last += (buffer.shape[i] - 1) * buffer.strides[i];
  }
  return last + 1;
}

int64_t grid_size(const Launch& launch, int multiprocessors) {
  if (!launch.persistent) return launch.tiles * launch.cluster;
  const int64_t resident =
      static_cast<int64_t>(multiprocessors) * std::max(1, launch.blocks_per_multiprocessor);
  return std::min(launch.tiles, std::max<int64_t>(resident / launch.cluster, 1)) * launch.cluster;
}

}  // namespace warpfinch
