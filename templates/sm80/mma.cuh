// mma on warps: d += a b (or d = a b), each warp its own 16 rows of d, done when the function returns.
// Factors in shared memory go through registers, by ldmatrix.
#pragma once

namespace warpfinch {

// --- factors in shared memory ------------------------------------------------------------------------------
// Addresses of a lane's 16 bytes in blocks of a tile that begin at multiples of 8 rows and 16 columns. Those
// leave the lane's part of the swizzle as it is, which so is found once. Eight rows of one block lie in all
// 32 banks, whatever the swizzle.
template <class Tile>
struct LaneBlocks {
  u32 rows, chunk;
  // The lane's place in the first block; column: 0 or 8.
  WF_METHOD LaneBlocks(const Tile& tile, int row, int column)
      : rows(tile.address + static_cast<u32>(row * Tile::kSwizzle)),
        chunk(static_cast<u32>(2 * column ^ (row * Tile::kSwizzle >> 3 & (Tile::kSwizzle - 16)))) {}
  WF_METHOD u32 at(int row, int column) const {
    return rows + static_cast<u32>(row * Tile::kSwizzle + column / Tile::kSpan * Tile::kPanelBytes) +
           (chunk ^ static_cast<u32>(column % Tile::kSpan * 2));
  }
};

// Per 16 columns four matrices: rows 0-7 and 8-15, then the same of the next 8 columns.
template <class Tile>
WF_DEVICE LaneBlocks<Tile> blocks_by_columns(const Tile& tile, int first_row) {
  return {tile, first_row + lane_index() % 16, lane_index() / 16 * 8};
}

// The first factor: the warp's rows from `row` on, for 16 products of each sum.
template <class Tile>
struct FirstFactor {  // a = tile: k runs along the columns
  static constexpr int kProducts = Tile::kColumns;
  LaneBlocks<Tile> blocks;
  WF_METHOD FirstFactor(const Tile& tile, int row) : blocks(blocks_by_columns(tile, row)) {}
  WF_METHOD Words4 sixteen(int k) const { return ld_matrices(blocks.at(0, k)); }
};
template <class Tile>
struct FirstFactor<Transposed<Tile>> {  // a = tile^T: k runs along the rows
  static constexpr int kProducts = Tile::kRows;
  LaneBlocks<Tile> blocks;
  int row;
  WF_METHOD FirstFactor(const Transposed<Tile>& a, int row)
      : blocks(a.tile, lane_index() / 16 * 8 + lane_index() % 8, lane_index() / 8 % 2 * 8), row(row) {}
  WF_METHOD Words4 sixteen(int k) const { return ld_matrices_transposed(blocks.at(k, row)); }
};

// The second factor, 16 or the last 8 columns of it at a time, for 16 products of each sum: of each 8 columns
// what an mma takes as b0 and b1.
template <class Tile>
struct SecondFactor {  // b = tile: k runs along the rows
  LaneBlocks<Tile> blocks;
  WF_METHOD explicit SecondFactor(const Tile& tile) : blocks(blocks_by_columns(tile, 0)) {}
  WF_METHOD Words4 sixteen(int k, int column) const { return ld_matrices_transposed(blocks.at(k, column)); }
  WF_METHOD void eight(int k, int column, u32& b0, u32& b1) const {
    ld_two_matrices_transposed(blocks.at(k, column), b0, b1);
  }
};
template <class Tile>
struct SecondFactor<Transposed<Tile>> {  // b = tile^T: k runs along the columns
  LaneBlocks<Tile> blocks;
  WF_METHOD explicit SecondFactor(const Transposed<Tile>& b)
      : blocks(b.tile, lane_index() / 16 * 8 + lane_index() % 8, lane_index() / 8 % 2 * 8) {}
  WF_METHOD Words4 sixteen(int k, int column) const { return ld_matrices(blocks.at(column, k)); }
  WF_METHOD void eight(int k, int column, u32& b0, u32& b1) const {
    ld_two_matrices(blocks.at(column, k), b0, b1);
  }
};

// --- mma ---------------------------------------------------------------------------------------------------
// 8 columns of the warp's rows.
template <bool Start, class T>
WF_DEVICE void mma_eight(T type, element<float>* d, const Words4& a, u32 b0, u32 b1) {
  if constexpr (Start)
    start_mma(type, d, a, b0, b1);
  else
    add_mma(type, d, a, b0, b1);
}
// One step of 16 products in each sum, over all columns.
template <bool Start, class T, int Rows, int Columns, class B>
WF_DEVICE void mma_step(T type, RegisterTile<float, Rows, Columns>& d, const Words4& a, const B& b, int k) {
#pragma unroll
  for (int column = 0; column + 16 <= Columns; column += 16) {
    const Words4 words = b.sixteen(k, column);
    mma_eight<Start>(type, &d.value[column / 2], a, words.x, words.y);
    mma_eight<Start>(type, &d.value[column / 2 + 4], a, words.z, words.w);
  }
  if constexpr (Columns % 16 != 0) {
    u32 b0, b1;
    b.eight(k, Columns - 8, b0, b1);
    mma_eight<Start>(type, &d.value[(Columns - 8) / 2], a, b0, b1);
  }
}

// Of `a` every warp reads its own rows.
template <bool Accumulate, class T, int Rows, int Columns, class A, class B>
WF_DEVICE void mma_shared(RegisterTile<float, Rows, Columns>& d, const A& a, const B& b) {
  const FirstFactor<A> first(a, thread_index() / 32 % (Rows / 16) * 16);
  const SecondFactor<B> second(b);
  mma_step<!Accumulate>(T{}, d, first.sixteen(0), second, 0);
#pragma unroll
  for (int k = 16; k < FirstFactor<A>::kProducts; k += 16)
    mma_step<false>(T{}, d, first.sixteen(k), second, k);
}
template <bool Accumulate, int Rows, int Columns, class B, class T, int ARows, int K, int Swizzle,
          int PanelRows>
WF_DEVICE void mma(RegisterTile<float, Rows, Columns>& d,
                   const SharedTile<T, ARows, K, Swizzle, PanelRows>& a, const B& b) {
  mma_shared<Accumulate, T>(d, a, b);
}
template <bool Accumulate, int Rows, int Columns, class B, class Tile>
WF_DEVICE void mma(RegisterTile<float, Rows, Columns>& d, const Transposed<Tile>& a, const B& b) {
  mma_shared<Accumulate, typename Tile::Type>(d, a, b);
}

template <bool Accumulate, int Rows, int Columns, class B, class T, int K>
WF_DEVICE void mma(RegisterTile<float, Rows, Columns>& d, const PackedTile<T, Rows, K>& a, const B& b) {
  const SecondFactor<B> second(b);
  mma_step<!Accumulate>(T{}, d, {a.value[0], a.value[1], a.value[2], a.value[3]}, second, 0);
#pragma unroll
  for (int k = 16; k < K; k += 16)
    mma_step<false>(T{}, d, {a.value[k / 4], a.value[k / 4 + 1], a.value[k / 4 + 2], a.value[k / 4 + 3]},
                    second, k);
}

// What the values are made of is issued before what follows.
template <class Values>
WF_DEVICE void pin(Values& values) {
#pragma unroll
  for (auto& value : values.value) pin(value);
}

}  // namespace warpfinch
