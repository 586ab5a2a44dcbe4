// allocate_shared: places tiles and barriers in shared memory, tiles first (1024-byte aligned, as their
// swizzle wants), then two barriers per ring stage, then what the walk over tiles needs.
// Requires: roles. Leaves: `offset` on every shared tile, `barriers` on every ring, `shared_bytes` on the
// kernel. An `offset` that stands there already, as in a printed program, has to be the same.
#include <fmt/format.h>

#include <optional>

#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/text.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

std::optional<Rejection> place(Tensor& tensor, const std::string& offset) {
  const auto given = attribute(tensor.attributes, "offset");
  if (given && *given != offset)
    return Rejection{"allocate_shared",
                     fmt::format("${} has offset={}, but lies at {}: tiles follow each other in the order of "
                                 "their lines; leave offset out",
                                 tensor.name, *given, offset)};
  set(tensor.attributes, "offset", offset);
  return std::nullopt;
}

}  // namespace

Lowered allocate_shared(const Program& program, const Target&) {
  Program result = program;
  int64_t at = 0;
  for (Tensor& tensor : result.tensors) {
    if (tensor.space != Space::shared || has(tensor.attributes, "alias")) continue;
    if (auto misplaced = place(tensor, number_to_text(at))) return *misplaced;
    at += tile_bytes(tensor) * stages(tensor);
  }
  for (Tensor& tensor : result.tensors) {
    if (tensor.space != Space::shared) continue;
    if (const auto alias = attribute(tensor.attributes, "alias")) {
      const auto offset = attribute(find(result, Space::shared, *alias)->attributes, "offset");
      if (auto misplaced = place(tensor, std::string(*offset))) return *misplaced;
    }
    if (!is_ring(result, tensor.name)) continue;
    set(tensor.attributes, "barriers", number_to_text(at));
    at += 2 * kBarrierBytes * stages(tensor);
  }
  set(result.attributes, "shared_bytes", number_to_text(at + walk_bytes(result.body[0])));
  return result;
}

}  // namespace warpfinch::lower
