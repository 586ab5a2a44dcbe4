// mma on warpgroups: d += a b (or d = a b), 64 rows of d per warpgroup, issued asynchronously. The wgmma
// instructions that a kernel needs are appended as specialisations of Wgmma.
#pragma once

namespace warpfinch {

// T: bf16 or fp16. N: columns of d. BTransposed: b lies as [k][n], n contiguous.
template <class T, int N, bool AInRegisters, bool BTransposed>
struct Wgmma;

// --- shared-memory descriptors (PTX ISA, "Matrix descriptor") ---------------------------------------------
WF_DEVICE constexpr u32 swizzle_code(int swizzle) { return swizzle == 128 ? 1u : swizzle == 64 ? 2u : 3u; }

// leading and stride: byte offsets between core-matrix groups; the start address is added by the caller.
WF_DEVICE u64 descriptor(u32 address, int leading, int stride, int swizzle) {
  return static_cast<u64>((address & 0x3ffff) >> 4) | static_cast<u64>(leading >> 4) << 16 |
         static_cast<u64>(stride >> 4) << 32 | static_cast<u64>(swizzle_code(swizzle)) << 62;
}

// Bytes from a tile's start to its 16 columns of step k, inside a panel and from panel to panel.
template <class Tile>
WF_DEVICE u32 column_step(int k) {
  constexpr int kSteps = Tile::kSpan / 16;
  return static_cast<u32>(k / kSteps * Tile::kPanelBytes + k % kSteps * 32);
}

// k runs along the columns: a as it is, b from [n][k].
template <class Tile>
WF_DEVICE u64 along_columns(const Tile& tile, int k) {
  return descriptor(tile.address + column_step<Tile>(k), 16, 8 * Tile::kSwizzle, Tile::kSwizzle);
}
// k runs along the rows: b from [k][n]; panels follow each other along n.
template <class Tile>
WF_DEVICE u64 along_rows(const Tile& tile, int k) {
  return descriptor(tile.address + static_cast<u32>(k * 16 * Tile::kSwizzle), Tile::kPanelBytes,
                    8 * Tile::kSwizzle, Tile::kSwizzle);
}

template <class Tile>
struct SecondFactor {  // b = tile
  using Type = typename Tile::Type;
  static constexpr bool kTransposed = true;
  static constexpr int kColumns = Tile::kColumns;
  WF_STATIC u64 step(const Tile& tile, int k) { return along_rows(tile, k); }
};
template <class Tile>
struct SecondFactor<Transposed<Tile>> {  // b = tile^T
  using Type = typename Tile::Type;
  static constexpr bool kTransposed = false;
  static constexpr int kColumns = Tile::kRows;
  WF_STATIC u64 step(const Transposed<Tile>& b, int k) { return along_columns(b.tile, k); }
};

// --- mma ---------------------------------------------------------------------------------------------------
template <bool Accumulate, int Rows, int Columns, class B, class T, int ARows, int K, int Swizzle,
          int PanelRows>
WF_DEVICE void mma(RegisterTile<float, Rows, Columns>& d,
                   const SharedTile<T, ARows, K, Swizzle, PanelRows>& a, const B& b) {
  using Instruction = Wgmma<T, Columns, false, SecondFactor<B>::kTransposed>;
#pragma unroll
  for (int k = 0; k < K / 16; ++k) {
    if (k == 0 && !Accumulate)
      Instruction::start(d.value, along_columns(a, k), SecondFactor<B>::step(b, k));
    else
      Instruction::add(d.value, along_columns(a, k), SecondFactor<B>::step(b, k));
  }
}

template <bool Accumulate, int Rows, int Columns, class B, class T, int K>
WF_DEVICE void mma(RegisterTile<float, Rows, Columns>& d, const PackedTile<T, Rows, K>& a, const B& b) {
  using Instruction = Wgmma<T, Columns, true, SecondFactor<B>::kTransposed>;
#pragma unroll
  for (int k = 0; k < K / 16; ++k) {
    if (k == 0 && !Accumulate)
      Instruction::start(d.value, &a.value[4 * k], SecondFactor<B>::step(b, k));
    else
      Instruction::add(d.value, &a.value[4 * k], SecondFactor<B>::step(b, k));
  }
}

// --- in flight ---------------------------------------------------------------------------------------------
template <class Tile>
WF_DEVICE void pin_tile(Tile& tile) {
#pragma unroll
  for (int i = 0; i < Tile::kCount; ++i) pin(tile.value[i]);
}

// The tiles were written by other instructions; the mma ops that follow may read and write them.
template <class... Tiles>
WF_DEVICE void fence_mma(Tiles&... tiles) {
  (pin_tile(tiles), ...);
  wgmma_fence();
}
WF_DEVICE void commit_mma() { wgmma_commit(); }
// At most Pending groups stay in flight; the tiles belong to those that completed.
template <int Pending, class... Tiles>
WF_DEVICE void wait_mma(Tiles&... tiles) {
  wgmma_wait<Pending>();
  (pin_tile(tiles), ...);
}

}  // namespace warpfinch
