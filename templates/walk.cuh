// How blocks walk over the tiles of a grid.
#pragma once

namespace warpfinch {

// Persistent blocks, serpentine: every other round runs backwards, so that a block which got an early (long)
// tile of one round gets a late one of the next.
struct TileWalk {
  int tiles, round = 0;
  WF_METHOD int tile() const {
    const int own = round % 2 ? block_count() - 1 - block_index() : block_index();
    return round * block_count() + own;
  }
  WF_METHOD bool valid() const { return tile() < tiles; }
  WF_METHOD void next() { ++round; }
};

}  // namespace warpfinch
