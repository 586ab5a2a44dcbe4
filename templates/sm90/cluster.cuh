// Clusters: blocks with neighbouring row tiles walk over the same keys in step. Each stage of a ClusterRing
// is loaded once for all of them: every block brings its part of the rows into the same place of every block,
// and each block's `full` barrier counts the bytes of all parts. A stage is free when the consumers of all
// blocks have released it, because the next load overwrites it everywhere; so each `empty` barrier waits for
// the warps of the whole cluster.
#pragma once

namespace warpfinch {

WF_DEVICE void cluster_sync() {
  cluster_arrive();
  cluster_wait();
}

// TileWalk, by clusters: neighbouring blocks, in the order of their ranks.
template <int Blocks>
struct ClusterWalk {
  int tiles, round = 0;
  WF_METHOD int tile() const {
    const int clusters = block_count() / Blocks, cluster = block_index() / Blocks;
    return round * clusters + (round % 2 ? clusters - 1 - cluster : cluster);
  }
  WF_METHOD bool valid() const { return tile() < tiles; }
  WF_METHOD void next() { ++round; }
};

template <class Tile, int Stages, int StageBytes, int Blocks>
struct ClusterRing : Ring<Tile, Stages, StageBytes> {};

// --- producer ------------------------------------------------------------------------------------------
// The others may be ahead of this block by a stage: their part then arrives before this block has announced
// it, which an mbarrier allows while arrivals are missing.
template <class Tile, int Stages, int StageBytes, int Blocks, int Rank, class... How>
WF_DEVICE void load_part(const ClusterRing<Tile, Stages, StageBytes, Blocks>& ring, const TensorMap& map,
                         int (&c)[Rank], How... how) {
  constexpr int kRows = Tile::kRows / Blocks;
  const int rank = block_index() % Blocks;
  c[Rank - 2] += rank * kRows;
  load_panels(ring.tile().template rows<kRows>(rank), map, ring.full(), c, Multicast{(1 << Blocks) - 1},
              how...);
}
template <class Tile, int Stages, int StageBytes, int Blocks, class... Index>
WF_DEVICE void load(const ClusterRing<Tile, Stages, StageBytes, Blocks>& ring, const TensorMap& map,
                    Index... coordinates) {
  int c[] = {coordinates...};
  if (is_leader()) load_part(ring, map, c);
}
template <class Evict, class Tile, int Stages, int StageBytes, int Blocks, class... Index>
WF_DEVICE void load(const ClusterRing<Tile, Stages, StageBytes, Blocks>& ring, const TensorMap& map,
                    Index... coordinates) {
  int c[] = {coordinates...};
  if (is_leader()) load_part(ring, map, c, Evict::kPolicy);
}

// --- consumers -----------------------------------------------------------------------------------------
// One arrival per warp and block: lane i tells block i.
template <class Tile, int Stages, int StageBytes, int Blocks>
WF_DEVICE void release(ClusterRing<Tile, Stages, StageBytes, Blocks>& ring) {
  warp_sync();
  if (lane_index() < Blocks) mbarrier_arrive_remote(cluster_address(ring.empty(), lane_index()));
  ring.next();
}

// --- tiles that are done again (redo.cuh): by all blocks, since they load their keys together -----------
template <int Blocks>
struct ClusterMask {
  u32 address;
  WF_METHOD operator u32() const { return address; }
};

template <int Rows, int Blocks>
WF_DEVICE void redo(const RowValues<Rows>& flag, int round, int again, const ClusterMask<Blocks>& mask) {
  if (again != 0 || !any_lane(flag.value[0] + flag.value[1] != 0.0f)) return;
  if (lane_index() < Blocks) or_remote(cluster_address(mask, lane_index()), 1u << round % 32);
}

template <int Threads, int Blocks>
WF_DEVICE bool any_marked(const ClusterMask<Blocks>& mask) {
  cluster_sync();
  if (ld_shared(mask) == 0) return false;
  bulk_wait();
  return true;
}

}  // namespace warpfinch
