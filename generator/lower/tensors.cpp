#include "generator/lower/tensors.hpp"

#include <algorithm>
#include <limits>

namespace warpfinch::lower {

using namespace ir;

namespace {
constexpr int64_t kTileAlignment = 1024;  // the swizzle pattern of 128-byte rows repeats after 8 rows
}  // namespace

bool tma_can_move(const Tensor& param) {
  const std::vector<int64_t> strides = strides_of(param);
  const size_t rank = param.shape.size();
  if (packed_axis(param) || rank < 2 || rank > 5 || strides.size() != rank || strides.back() != 1)
    return false;
  for (size_t i = 0; i < rank; ++i) {
    if (value(param.shape[i]) >= int64_t{1} << 32) return false;
    if (i + 1 == rank || value(param.shape[i]) == 1) continue;
    const int64_t bytes = strides[i] * size_of(param.type);
    if (bytes <= 0 || bytes % 16 != 0 || bytes >= int64_t{1} << 40) return false;
  }
  return true;
}

int64_t aligned_bytes(int64_t bytes) {
  return (bytes + kTileAlignment - 1) / kTileAlignment * kTileAlignment;
}

int64_t tile_bytes(const Tensor& tile) {
  return aligned_bytes(value(tile.shape[0]) * value(tile.shape[1]) * size_of(tile.type));
}

bool claims_tiles(const Op& grid) { return attribute(grid.attributes, "tile_order") == "dynamic"; }

bool lists_tiles(const Op& grid) { return attribute(grid.attributes, "tile_order") == "balanced"; }

bool is_persistent(const Op& grid) {
  return claims_tiles(grid) || lists_tiles(grid) || attribute(grid.attributes, "tile_order") == "static";
}

int64_t cluster_blocks(const Op& grid) { return integer(grid.attributes, "cluster", 1); }

int64_t multicast_of(const Program& program, const std::string& tile) {
  int64_t blocks = 1;
  walk(program.body, [&](const Op& op) {
    if (op.name == "load" && op.operands[0].space == Space::shared && op.operands[0].name == tile)
      blocks = integer(op.attributes, "multicast", 1);
  });
  return blocks;
}

int64_t kept_claims(bool retry) { return retry ? 256 : 0; }
int64_t kept_claims(const Op& grid) { return kept_claims(has(grid.attributes, "retry")); }

int64_t walk_bytes(bool claims, bool retry) {
  constexpr int64_t kStages = 2, kNumberBytes = 4;
  const int64_t claimed = kStages * 2 * kBarrierBytes + (kept_claims(retry) + kStages) * kNumberBytes;
  return (claims ? claimed : 0) + (retry ? kRetryBytes : 0);
}
int64_t walk_bytes(const Op& grid) { return walk_bytes(claims_tiles(grid), has(grid.attributes, "retry")); }

int64_t stages(const Tensor& tile) { return integer(tile.attributes, "stages", 1); }

int64_t shared_limit(const Target& target, int64_t blocks) {
  constexpr int64_t kReserved = 1024;  // by the system, of every block
  return std::min<int64_t>(target.shared_bytes_per_block,
                           target.shared_bytes_per_multiprocessor / blocks - kReserved);
}

int64_t shared_bytes(const Program& program) {
  int64_t tiles = 0, barriers = 0;
  for (const Tensor& tensor : program.tensors) {
    if (tensor.space != Space::shared || has(tensor.attributes, "alias")) continue;
    tiles += tile_bytes(tensor) * stages(tensor);
    if (is_ring(program, tensor.name)) barriers += 2 * kBarrierBytes * stages(tensor);
  }
  return tiles + barriers + walk_bytes(program.body[0]);
}

bool filled_via(const Program& program, const std::string& tile, const std::string& via) {
  bool found = false;
  walk(program.body, [&](const Op& op) {
    found |= op.name == "load" && op.operands[0].space == Space::shared && op.operands[0].name == tile &&
             (via.empty() || attribute(op.attributes, "via") == via);
  });
  return found;
}

bool is_ring(const Program& program, const std::string& tile) { return filled_via(program, tile, ""); }

bool filled_by_threads(const Program& program, const std::string& tile) {
  return filled_via(program, tile, "ld") || filled_via(program, tile, "cp_async");
}

bool any_filled_via(const Program& program, const std::string& via) {
  return std::any_of(program.tensors.begin(), program.tensors.end(), [&](const Tensor& tensor) {
    return tensor.space == Space::shared && filled_via(program, tensor.name, via);
  });
}

bool producer_copies(const Program& program) {
  return any_filled_via(program, "ld") || any_filled_via(program, "cp_async");
}

int64_t filling_arrivals(const Program& program, const std::string& tile) {
  return filled_by_threads(program, tile) ? kWarpgroupWarps * kWarpThreads : 1;
}

int64_t freeing_arrivals(const Program& program, const std::string& tile) {
  int64_t warps = 0;
  for (const Op& role : program.body[0].body)
    if (has(role.attributes, "consumer")) warps += integer(role.attributes, "warps", 0);
  return warps * multicast_of(program, tile);
}

bool is_fenced_by_readers(const Program& program, const std::string& tile) {
  if (!filled_via(program, tile, "cp_async")) return false;
  bool found = false;
  walk(program.body, [&](const Op& op) { found |= op.name == "mma" && mentions(op, Space::shared, tile); });
  return found;
}

bool holds_mma(const Op& op) {
  return std::any_of(op.body.begin(), op.body.end(),
                     [](const Op& inner) { return inner.name == "mma" || holds_mma(inner); });
}

FactorSlice factor_slice(const Program& program, const Op& mma, size_t i, const Target& target) {
  const Operand &factor = mma.operands[i], &sums = mma.operands[0];
  const Tensor &tile = *find(program, factor.space, factor.name), &d = *find(program, sums.space, sums.name);
  FactorSlice slice{value(tile.shape[0]), value(tile.shape[1])};
  if (factor.space != Space::shared || factor.index.empty()) return slice;
  const int64_t outer = i == 1 ? value(d.shape[0]) : value(d.shape[1]);
  if (factor.index.size() > 1)
    slice.columns = outer;
  else if (!is_constant(factor.index[0]))
    slice.rows = warpgroup_rows(target);
  else if (factor.transposed == (i == 2))
    slice.rows = outer;
  else {
    const FactorSlice first = factor_slice(program, mma, 1, target);
    slice.rows = mma.operands[1].transposed ? first.rows : first.columns;
  }
  return slice;
}

std::string shape_text(const Tensor& tensor) {
  std::string text;
  for (const Expr& extent : tensor.shape) text += (text.empty() ? "" : ", ") + to_text(extent);
  return text;
}

std::vector<int64_t> strides_of(const Tensor& param) {
  if (const auto given = attribute(param.attributes, "strides")) return integer_list(*given);
  std::vector<int64_t> strides(param.shape.size(), 1);
  for (size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * value(param.shape[i]);
  return strides;
}

std::optional<PackedAxis> packed_axis(const Tensor& param) {
  const auto text = attribute(param.attributes, "packed");
  if (!text) return std::nullopt;
  const std::vector<int64_t> numbers = integer_list(*text);
  return PackedAxis{static_cast<size_t>(numbers[0]), numbers[1], numbers[2]};
}

int64_t axis_count(const Range& range) {
  return (value(range.end) - value(range.begin) + value(range.step) - 1) / value(range.step);
}

int64_t tile_count(const Op& grid) {
  int64_t count = 1;
  for (const Range& range : grid.ranges)
    if (__builtin_mul_overflow(count, axis_count(range), &count)) return std::numeric_limits<int64_t>::max();
  return count;
}

}  // namespace warpfinch::lower
