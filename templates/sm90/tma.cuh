// Tiles between global and shared memory by the copy engine (TMA), one box per panel. Coordinates come in the
// tensor's order, outermost first; the last two are the tile's first row and column.
#pragma once

namespace warpfinch {

// A stage of a ring, for copies of so many bytes.
template <int Bytes, class Ring>
WF_DEVICE void acquire(const Ring& ring) {
  if (!is_leader()) return;
  acquire(ring);
  mbarrier_arrive_expect(ring.full(), Bytes);
}

// The copy engine takes coordinates innermost first; `column` stands for the last one. `how`: nothing, or a
// CachePolicy.
template <int Rank, class... How>
WF_DEVICE void load_box(u32 to, const TensorMap& map, u32 full, const int (&c)[Rank], int column,
                        How... how) {
  if constexpr (Rank == 2) tma_load(to, map, full, how..., column, c[0]);
  if constexpr (Rank == 3) tma_load(to, map, full, how..., column, c[1], c[0]);
  if constexpr (Rank == 4) tma_load(to, map, full, how..., column, c[2], c[1], c[0]);
  if constexpr (Rank == 5) tma_load(to, map, full, how..., column, c[3], c[2], c[1], c[0]);
}
template <int Rank, class... How>
WF_DEVICE void store_box(const TensorMap& map, u32 from, const int (&c)[Rank], int column, How... how) {
  if constexpr (Rank == 2) tma_store(map, from, how..., column, c[0]);
  if constexpr (Rank == 3) tma_store(map, from, how..., column, c[1], c[0]);
  if constexpr (Rank == 4) tma_store(map, from, how..., column, c[2], c[1], c[0]);
  if constexpr (Rank == 5) tma_store(map, from, how..., column, c[3], c[2], c[1], c[0]);
}

template <class Tile, int Rank, class... How>
WF_DEVICE void load_panels(const Tile& tile, const TensorMap& map, u32 full, const int (&c)[Rank],
                           How... how) {
#pragma unroll
  for (int p = 0; p < Tile::kPanels; ++p)
    load_box(tile.address + p * Tile::kPanelBytes, map, full, c, c[Rank - 1] + p * Tile::kSpan, how...);
}
template <class Tile, int Stages, int StageBytes, class... Index>
WF_DEVICE void load(const Ring<Tile, Stages, StageBytes>& ring, const TensorMap& map, Index... coordinates) {
  const int c[] = {coordinates...};
  if (is_leader()) load_panels(ring.tile(), map, ring.full(), c);
}
template <class Evict, class Tile, int Stages, int StageBytes, class... Index>
WF_DEVICE void load(const Ring<Tile, Stages, StageBytes>& ring, const TensorMap& map, Index... coordinates) {
  const int c[] = {coordinates...};
  if (is_leader()) load_panels(ring.tile(), map, ring.full(), c, Evict::kPolicy);
}

// Every warp stores its own 16 rows.
template <class Tile, int Rank, class... How>
WF_DEVICE void store_panels(const TensorMap& map, const Tile& tile, const int (&c)[Rank], How... how) {
  if (lane_index() != 0) return;
#pragma unroll
  for (int p = 0; p < Tile::kPanels; ++p)
    store_box(map, tile.address + p * Tile::kPanelBytes, c, c[Rank - 1] + p * Tile::kSpan, how...);
  bulk_commit();
}
template <class T, int Rows, int Columns, int Swizzle, int PanelRows, class... Index>
WF_DEVICE void store(const TensorMap& map, const SharedTile<T, Rows, Columns, Swizzle, PanelRows>& tile,
                     Index... coordinates) {
  const int c[] = {coordinates...};
  store_panels(map, tile, c);
}
template <class Evict, class T, int Rows, int Columns, int Swizzle, int PanelRows, class... Index>
WF_DEVICE void store(const TensorMap& map, const SharedTile<T, Rows, Columns, Swizzle, PanelRows>& tile,
                     Index... coordinates) {
  const int c[] = {coordinates...};
  store_panels(map, tile, c, Evict::kPolicy);
}
WF_DEVICE void wait_store() {
  if (lane_index() == 0) bulk_wait_read();
  warp_sync();
}

}  // namespace warpfinch
