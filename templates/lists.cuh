// Blocks that have a list of tiles each (tile_order=balanced), which the kernel holds in constant memory.
#pragma once

namespace warpfinch {

struct ListedWalk {
  static constexpr u16 kEnd = 0xffff;
  const u16* tiles;  // the block's, ended by kEnd
  int round = 0;
  WF_METHOD int tile() const { return tiles[round]; }
  WF_METHOD bool valid() const { return tiles[round] != kEnd; }
  WF_METHOD void next() { ++round; }
};

}  // namespace warpfinch
