// Tiles that blocks claim as they go (tile_order=dynamic). A block begins with the tile of its own number.
// Each later one the producer's leader claims from a counter in global memory, once the loads of the tile
// before are issued: early enough for its latency to hide behind what the rings hold, and no earlier, because
// a tile that waits behind a long one is lost to idle blocks. Its number goes to the consumers through shared
// memory. A block claims until a claim fails, so that a launch makes `tiles` claims in all and the last of
// them wraps the counter to zero, for the next launch.
#pragma once

namespace warpfinch {

// Claim i is the tile of round i + 1. Two mbarriers `full`, two `empty`, then the numbers: those of the first
// `Kept` claims stay where they are for the second walk (redo.cuh), later ones take turns in two words.
template <int Kept>
struct TileClaims {
  u32* counter;  // null: the host has none left; then blocks take every grid-th tile
  u32 tiles, barriers;

  WF_METHOD u32 full(int i) const { return barriers + 8 * (i & 1); }
  WF_METHOD u32 empty(int i) const { return barriers + 16 + 8 * (i & 1); }
  WF_METHOD u32 number(int i) const { return barriers + 32 + 4 * (i < Kept ? i : Kept + (i & 1)); }
  WF_METHOD u32 parity(int i) const { return i >> 1 & 1; }

  WF_METHOD u32 claim(u32 tile) const {
    return block_count() + (counter != nullptr ? atomic_increment(counter, tiles - 1) : tile);
  }
  WF_METHOD void publish(int i, u32 tile) const {
    mbarrier_wait(empty(i), parity(i) ^ 1);
    st_shared(number(i), tile);
    mbarrier_arrive(full(i));
  }
  // By whole warps.
  WF_METHOD u32 read(int i) const {
    mbarrier_wait(full(i), parity(i));
    const u32 tile = ld_shared(number(i));
    warp_sync();
    if (lane_index() == 0) mbarrier_arrive(empty(i));
    return tile;
  }
  // Once all threads have met at the end of the first walk.
  WF_METHOD u32 kept(int i) const { return i < Kept ? ld_shared(number(i)) : tiles; }
};

template <int Kept>
WF_DEVICE void initialize_claims(int reading_warps, const TileClaims<Kept>& claims) {
  for (int i = 0; i < 2; ++i) {
    mbarrier_init(claims.full(i), 1);
    mbarrier_init(claims.empty(i), reading_warps);
  }
}

// Who walks:
struct Reads {};           // the consumers
struct Claims {};          // the producer's leader alone
struct ClaimsAndReads {};  // all threads of a producer that copies; the leader claims

template <int Kept>
WF_DEVICE u32 next_tile(Reads, const TileClaims<Kept>& claims, int again, int i, u32) {
  return from_first_lane(again != 0 ? claims.kept(i) : claims.read(i));
}
template <int Kept>
WF_DEVICE u32 next_tile(Claims, const TileClaims<Kept>& claims, int again, int i, u32 tile) {
  if (again != 0) return claims.kept(i);
  const u32 next = claims.claim(tile);
  claims.publish(i, next);
  return next;
}
template <int Kept>
WF_DEVICE u32 next_tile(ClaimsAndReads, const TileClaims<Kept>& claims, int again, int i, u32 tile) {
  if (again == 0 && is_leader()) claims.publish(i, claims.claim(tile));
  return next_tile(Reads{}, claims, again, i, tile);
}

template <class Who, int Kept>
struct ClaimedWalk {
  const TileClaims<Kept>& claims;
  int again;  // 1: over the tiles of the first walk once more
  int round = 0;
  u32 number = block_index();

  WF_METHOD bool valid() const { return number < claims.tiles; }
  WF_METHOD int tile() const { return number; }
  // A tile whose number is not kept cannot be done again: it is done as in the second walk at once.
  WF_METHOD int redone() const { return again != 0 || round > Kept; }
  WF_METHOD void next() {
    number = next_tile(Who{}, claims, again, round, number);
    ++round;
  }
};

}  // namespace warpfinch
