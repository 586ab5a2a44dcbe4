// mma on warpgroups: d += a b (or d = a b), 64 rows of d per warpgroup, issued asynchronously. The wgmma
// instructions that a kernel needs are appended as specialisations of Wgmma.
#pragma once

namespace warpfinch {

// T: bf16 or fp16. N: columns of d. BTransposed: b lies as [k][n], n contiguous; ATransposed: a as [k][m].
template <class T, int N, bool AInRegisters, bool BTransposed, bool ATransposed = false>
struct Wgmma;

// --- shared-memory descriptors (PTX ISA, "Matrix descriptor") ---------------------------------------------
WF_DEVICE constexpr u32 swizzle_code(int swizzle) { return swizzle == 128 ? 1u : swizzle == 64 ? 2u : 3u; }

// The 18 bits of a shared address that a descriptor takes. Above them stands the block's rank in its cluster;
// kernels without clusters save the instruction, which cost 4 % at head dim 64.
#ifdef WF_CLUSTER
WF_DEVICE u32 within_block(u32 address) { return address & 0x3ffff; }
#else
WF_DEVICE u32 within_block(u32 address) { return address; }
#endif

// The descriptor of a tile's start. leading and stride: byte offsets between core-matrix groups. A tile lies
// below 2^18, so that the 14 bits of address / 16 never overflow into the next field: steps along the tile
// are added to the descriptor, one instruction each where building it takes four.
WF_DEVICE u64 descriptor(u32 address, int leading, int stride, int swizzle) {
  const u32 low = within_block(address) >> 4 | static_cast<u32>(leading >> 4) << 16;
  const u32 high = static_cast<u32>(stride >> 4) | swizzle_code(swizzle) << 30;
  return static_cast<u64>(high) << 32 | low;
}
WF_DEVICE u64 stepped(u64 start, u32 bytes) {
  return (start & 0xffffffff00000000) | static_cast<u32>(static_cast<u32>(start) + (bytes >> 4));
}

// Bytes from a tile's start to its 16 columns of step k, inside a panel and from panel to panel.
template <class Tile>
WF_DEVICE u32 column_step(int k) {
  constexpr int kSteps = Tile::kSpan / 16;
  return static_cast<u32>(k / kSteps * Tile::kPanelBytes + k % kSteps * 32);
}

// k runs along the columns: a as it is, b from [n][k].
template <class Tile>
WF_DEVICE u64 along_columns(const Tile& tile) {
  return descriptor(tile.address, 16, 8 * Tile::kSwizzle, Tile::kSwizzle);
}
// k runs along the rows: b from [k][n], a from [k][m]; panels follow each other along n or m.
template <class Tile>
WF_DEVICE u64 along_rows(const Tile& tile) {
  return descriptor(tile.address, Tile::kPanelBytes, 8 * Tile::kSwizzle, Tile::kSwizzle);
}

template <class Tile>
struct SecondFactor {  // b = tile
  using Type = typename Tile::Type;
  static constexpr bool kTransposed = true;
  static constexpr int kColumns = Tile::kColumns;
  WF_STATIC u64 start(const Tile& tile) { return along_rows(tile); }
  WF_STATIC u32 step(int k) { return static_cast<u32>(k * 16 * Tile::kSwizzle); }
};
template <class Tile>
struct SecondFactor<Transposed<Tile>> {  // b = tile^T
  using Type = typename Tile::Type;
  static constexpr bool kTransposed = false;
  static constexpr int kColumns = Tile::kRows;
  WF_STATIC u64 start(const Transposed<Tile>& b) { return along_columns(b.tile); }
  WF_STATIC u32 step(int k) { return column_step<Tile>(k); }
};

template <class Tile>
struct FirstFactor {  // a = tile
  static constexpr bool kTransposed = false;
  static constexpr int kProducts = Tile::kColumns;
  WF_STATIC u64 start(const Tile& tile) { return along_columns(tile); }
  WF_STATIC u32 step(int k) { return column_step<Tile>(k); }
};
template <class Tile>
struct FirstFactor<Transposed<Tile>> {  // a = tile^T
  static constexpr bool kTransposed = true;
  static constexpr int kProducts = Tile::kRows;
  WF_STATIC u64 start(const Transposed<Tile>& a) { return along_rows(a.tile); }
  WF_STATIC u32 step(int k) { return static_cast<u32>(k * 16 * Tile::kSwizzle); }
};

// --- mma ---------------------------------------------------------------------------------------------------
template <bool Accumulate, class T, int Rows, int Columns, class A, class B>
WF_DEVICE void mma_shared(RegisterTile<float, Rows, Columns>& d, const A& a, const B& b) {
  using First = FirstFactor<A>;
  using Second = SecondFactor<B>;
  using Instruction = Wgmma<T, Columns, false, Second::kTransposed, First::kTransposed>;
  const u64 first = First::start(a), second = Second::start(b);
#pragma unroll
  for (int k = 0; k < First::kProducts / 16; ++k) {
    const u64 a_step = stepped(first, First::step(k)), b_step = stepped(second, Second::step(k));
    if (k == 0 && !Accumulate)
      Instruction::start(d.value, a_step, b_step);
    else
      Instruction::add(d.value, a_step, b_step);
  }
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
  using Factor = SecondFactor<B>;
  using Instruction = Wgmma<T, Columns, true, Factor::kTransposed>;
  const u64 second = Factor::start(b);
#pragma unroll
  for (int k = 0; k < K / 16; ++k) {
    const u64 b_step = stepped(second, Factor::step(k));
    if (k == 0 && !Accumulate)
      Instruction::start(d.value, &a.value[4 * k], b_step);
    else
      Instruction::add(d.value, &a.value[4 * k], b_step);
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
// What the values are made of is issued before the next wait.
template <class Values>
WF_DEVICE void pin(Values& values) {
#pragma unroll
  for (auto& value : values.value) pin(value);
  end_basic_block();
}
WF_DEVICE void commit_mma() { wgmma_commit(); }
// At most Pending groups stay in flight; the tiles belong to those that completed.
template <int Pending, class... Tiles>
WF_DEVICE void wait_mma(Tiles&... tiles) {
  wgmma_wait<Pending>();
  (pin_tile(tiles), ...);
}

}  // namespace warpfinch
