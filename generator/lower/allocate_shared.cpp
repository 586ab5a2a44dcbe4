// allocate_shared: places tiles and barriers in shared memory, tiles first (1024-byte aligned, as their
// swizzle wants), then two barriers per ring stage, then what the walk over tiles needs.
// Requires: roles. Leaves: `offset` on every shared tile, `barriers` on every ring, `shared_bytes` on the
// kernel.
#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"

namespace warpfinch::lower {

using namespace ir;

Lowered allocate_shared(const Program& program, const Target&) {
  Program result = program;
  int64_t at = 0;
  for (Tensor& tensor : result.tensors) {
    if (tensor.space != Space::shared || has(tensor.attributes, "alias")) continue;
    set(tensor.attributes, "offset", std::to_string(at));
    at += tile_bytes(tensor) * stages(tensor);
  }
  for (Tensor& tensor : result.tensors) {
    if (tensor.space != Space::shared) continue;
    if (const auto alias = attribute(tensor.attributes, "alias"))
      set(tensor.attributes, "offset", *attribute(find(result, Space::shared, *alias)->attributes, "offset"));
    if (!is_ring(result, tensor.name)) continue;
    set(tensor.attributes, "barriers", std::to_string(at));
    at += 2 * kBarrierBytes * stages(tensor);
  }
  set(result.attributes, "shared_bytes", std::to_string(at + walk_bytes(result.body[0])));
  return result;
}

}  // namespace warpfinch::lower
