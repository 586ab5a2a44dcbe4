// Questions about declared tensors and ops that several passes ask.
#pragma once

#include <optional>
#include <string>

#include "generator/ir/program.hpp"
#include "generator/target.hpp"

namespace warpfinch::lower {

// Can the copy engine move boxes of this param? (cuTensorMapEncodeTiled: inner stride 1, the others positive
// multiples of 16 bytes below 2^40, rank at most 5, extents below 2^32.)
bool tma_can_move(const ir::Tensor& param);
constexpr int64_t kMaxBoxRows = 256;  // of one copy
// Do blocks walk over tiles, does the producer claim these while it goes, or does each block have a list?
bool is_persistent(const ir::Op& grid);
bool claims_tiles(const ir::Op& grid);
bool lists_tiles(const ir::Op& grid);
// Blocks of a cluster, which share a tile of the grid; 1 where there are no clusters.
int64_t cluster_blocks(const ir::Op& grid);
// Blocks that each load of the shared tile goes to; 1 where each loads its own.
int64_t multicast_of(const ir::Program& program, const std::string& tile);
constexpr int64_t kBarrierBytes = 8;  // an mbarrier; a ring has two per stage: full and empty
// At the end of shared memory: what the walk needs for claims, and then, where the grid has `retry`, the mask
// of tiles that are to be done again.
constexpr int64_t kRetryBytes = 8;
int64_t walk_bytes(const ir::Op& grid);
int64_t walk_bytes(bool claims, bool retry);  // the same, before there is a grid
// Claims whose numbers are kept for the second walk: with 132 blocks those of 33924 tiles; later ones fit at
// once.
int64_t kept_claims(const ir::Op& grid);
// Rounded up to the 1024 that swizzled tiles are aligned to; and so of one stage of a shared tile.
int64_t aligned_bytes(int64_t bytes);
int64_t tile_bytes(const ir::Tensor& tile);
// Bytes of all tiles and barriers.
int64_t shared_bytes(const ir::Program& program);
int64_t stages(const ir::Tensor& tile);
// What each of that many blocks on a multiprocessor may take.
int64_t shared_limit(const Target& target, int64_t blocks);
// Is the tile filled by loads, so that it has barriers?
bool is_ring(const ir::Program& program, const std::string& tile);
// Does a load with that `via` fill the tile?
bool filled_via(const ir::Program& program, const std::string& tile, const std::string& via);
// Do the producer's threads fill the tile, by ld or by cp.async, each of them arriving at its barriers?
bool filled_by_threads(const ir::Program& program, const std::string& tile);
// Do loads with that `via` fill any shared tile; does the producer, by ld or by cp.async?
bool any_filled_via(const ir::Program& program, const std::string& via);
bool producer_copies(const ir::Program& program);
// Arrivals that make a stage of the ring full, and that make it free.
int64_t filling_arrivals(const ir::Program& program, const std::string& tile);
int64_t freeing_arrivals(const ir::Program& program, const std::string& tile);
// Is the tile written by cp.async, through the generic proxy, and read by an mma, through the async proxy?
bool is_fenced_by_readers(const ir::Program& program, const std::string& tile);
// Does an mma stand anywhere inside the op?
bool holds_mma(const ir::Op& op);
// What factor i of an mma takes of its tile, as it lies in memory: all of it, the rows of part `[i]`, or the
// columns of part `[0, i]`. A warpgroup's part has the rows of a warpgroup, another one as many as fit the
// other tiles.
struct FactorSlice {
  int64_t rows, columns;
};
FactorSlice factor_slice(const ir::Program& program, const ir::Op& mma, size_t i, const Target& target);
std::string shape_text(const ir::Tensor& tensor);
// A param's strides in elements: what it states, else contiguous.
std::vector<int64_t> strides_of(const ir::Tensor& param);
// The axis that two strides lead through: index i stands at i / count * (its own stride) + i % count *
// stride.
struct PackedAxis {
  size_t axis;
  int64_t count, stride;
};
std::optional<PackedAxis> packed_axis(const ir::Tensor& param);
// Values that an axis of the grid takes, and tiles of the whole grid; constants.
int64_t axis_count(const ir::Range& range);
int64_t tile_count(const ir::Op& grid);

}  // namespace warpfinch::lower
