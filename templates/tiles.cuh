// Tile types: where a tile lies, how its elements are spread, and nothing that moves or computes.
#pragma once

namespace warpfinch {

// --- global memory: a tensor with its extents and strides (elements), outermost dimension first -----------
// Of one axis, index i may stand at i / packed * stride + i % packed * packed_stride. All but `data` are
// constants to the compiler, so what is not packed costs nothing.
template <class T, int Rank>
struct GlobalTensor {
  T* data;
  int shape[Rank];
  i64 strides[Rank];
  int packed_axis = 0, packed = 1;
  i64 packed_stride = 0;
};

// --- shared memory: panels of Swizzle bytes per row, 16-byte chunks XORed with the row ---------------------
// Swizzle: 128, 64 or 32. Tiles start at multiples of 1024 bytes; a slice keeps the panels of its tile.
template <class T, int Rows, int Columns, int Swizzle, int PanelRows = Rows>
struct SharedTile {
  using Type = T;
  static constexpr int kRows = Rows, kColumns = Columns, kSwizzle = Swizzle;
  static constexpr int kSpan = Swizzle / static_cast<int>(sizeof(T));  // columns of a panel
  static constexpr int kPanels = Columns / kSpan;
  static constexpr int kPanelBytes = PanelRows * Swizzle;
  u32 address;

  WF_METHOD u32 at(int row, int column) const {
    const u32 linear = address + (column / kSpan) * kPanelBytes + row * Swizzle +
                       (column % kSpan) * static_cast<int>(sizeof(T));
    return linear ^ ((linear >> 3) & (Swizzle - 16));
  }
  // Rows [index * N, index * N + N).
  template <int N>
  WF_METHOD SharedTile<T, N, Columns, Swizzle, PanelRows> rows(int index) const {
    return {address + static_cast<u32>(index * N * Swizzle)};
  }
  // Columns [index * N, index * N + N), whole panels.
  template <int N>
  WF_METHOD SharedTile<T, Rows, N, Swizzle, PanelRows> columns(int index) const {
    return {address + static_cast<u32>(index * (N / kSpan) * kPanelBytes)};
  }
};

// A shared tile read as its transpose.
template <class Tile>
struct Transposed {
  Tile tile;
};
template <class Tile>
WF_DEVICE Transposed<Tile> transposed(const Tile& tile) {
  return {tile};
}

// --- registers ---------------------------------------------------------------------------------------------
// Every warp holds 16 rows; a quad of lanes holds two of them, 8 apart. Element i of a thread belongs to the
// upper or lower one by (i / 2) % 2. Which columns a thread holds is the layout's choice:
struct MmaLayout {  // as wgmma and mma.sync leave their sums: pairs, 8 columns apart
  WF_STATIC int column(int i, int lane) { return 8 * (i / 4) + 2 * (lane % 4) + i % 2; }
  WF_STATIC int column(int i) { return column(i, lane_index()); }
};
struct VectorLayout {  // 8 neighbours in every 32 columns: 16-byte accesses to global memory
  WF_STATIC int column(int i, int lane) { return 32 * (i / 16) + 8 * (lane % 4) + 2 * (i % 16 / 4) + i % 2; }
  WF_STATIC int column(int i) { return column(i, lane_index()); }
};

template <class T, int Rows, int Columns, class Layout = MmaLayout>
struct RegisterTile {
  using Type = T;
  using TileLayout = Layout;
  static constexpr int kRows = Rows, kColumns = Columns, kCount = Columns / 2;
  element<T> value[kCount];
  WF_STATIC constexpr int site(int i) { return i; }
};

// 16-bit tiles are packed in pairs of columns, which is how an mma takes its first factor from registers.
template <class T, int Rows, int Columns>
struct PackedTile {
  using Type = T;
  static constexpr int kRows = Rows, kColumns = Columns, kCount = Columns / 4;
  element<u32> value[kCount];
};

// One value per row: of the thread's two rows.
template <int Rows>
struct RowValues {
  static constexpr int kRows = Rows, kCount = 2;
  element<float> value[2];
  WF_STATIC constexpr int site(int i) { return 2 * i; }  // an element of a tile in that row
};

// One value per column that the thread holds.
template <int Columns, class Layout = MmaLayout>
struct ColumnValues {
  using TileLayout = Layout;
  static constexpr int kColumns = Columns, kCount = Columns / 4;
  element<float> value[kCount];
  WF_STATIC constexpr int site(int i) { return 4 * (i / 2) + i % 2; }
};

// The value that belongs to element i of a tile.
template <class T, int Rows, int Columns, class Layout>
WF_DEVICE float at(const RegisterTile<T, Rows, Columns, Layout>& tile, int i) {
  return tile.value[i];
}
template <int Rows>
WF_DEVICE float at(const RowValues<Rows>& rows, int i) {
  return rows.value[i / 2 % 2];
}
template <int Columns, class Layout>
WF_DEVICE float at(const ColumnValues<Columns, Layout>& columns, int i) {
  return columns.value[i / 4 * 2 + i % 2];
}
WF_DEVICE float at(float number, int) { return number; }

// Row of the thread's upper (half = 0) or lower (half = 1) row in a tile of that many rows.
template <int Rows>
WF_DEVICE int row_of(int half) {
  return thread_index() / 32 % (Rows / 16) * 16 + lane_index() / 4 + 8 * half;
}

}  // namespace warpfinch
