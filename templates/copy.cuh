// Copies between global memory, shared memory and registers by ordinary accesses. Coordinates come in the
// tensor's order, outermost first; the last two are the tile's first row and column.
#pragma once

namespace warpfinch {

// Stores of this warp to shared memory, made visible to the copy engine.
WF_DEVICE void fence_async() {
  proxy_fence();
  warp_sync();
}

// --- global memory -----------------------------------------------------------------------------------------
template <class T, int Rank>
WF_DEVICE T* element_address(const GlobalTensor<T, Rank>& tensor, const int (&index)[Rank]) {
  i64 offset = 0;
#pragma unroll
  for (int d = 0; d < Rank; ++d) {
    const int group = d == tensor.packed_axis ? tensor.packed : 1;
    offset += index[d] / group * tensor.strides[d] + index[d] % group * tensor.packed_stride;
  }
  return tensor.data + offset;
}

WF_DEVICE float load_element(const float* from) { return ld_global(from); }
WF_DEVICE float load_element(const bf16* from) { return unpack(bf16{}, ld_global(&from->bits)); }
WF_DEVICE float load_element(const fp16* from) { return unpack(fp16{}, ld_global(&from->bits)); }
WF_DEVICE void store_element(float* to, float value) { st_global(to, value); }
WF_DEVICE void store_element(bf16* to, float value) {
  st_global(&to->bits, static_cast<u16>(pack(bf16{}, value, 0.0f)));
}
WF_DEVICE void store_element(fp16* to, float value) {
  st_global(&to->bits, static_cast<u16>(pack(fp16{}, value, 0.0f)));
}

// Are `Count` elements from here on one aligned access?
template <class T>
WF_DEVICE bool is_aligned(const T* address, int count) {
  return reinterpret_cast<u64>(address) % (count * sizeof(T)) == 0;
}

// Two neighbours with one access.
WF_DEVICE void load_pair(const float* from, float& x, float& y) {
  x = ld_global(from);
  y = ld_global(from + 1);
}
template <class T>
WF_DEVICE void load_pair(const T* from, float& x, float& y) {
  const u32 bits = ld_global(reinterpret_cast<const u32*>(from));
  x = unpack(T{}, static_cast<u16>(bits));
  y = unpack(T{}, static_cast<u16>(bits >> 16));
}
WF_DEVICE void store_pair(float* to, float x, float y) {
  st_global(to, x);
  st_global(to + 1, y);
}
template <class T>
WF_DEVICE void store_pair(T* to, float x, float y) {
  st_global(reinterpret_cast<u32*>(to), pack(T{}, x, y));
}

// Eight neighbours with 16-byte accesses.
WF_DEVICE void split_words(const Words4& w, float, float (&v)[8], int from) {
  v[from] = __int_as_float(w.x), v[from + 1] = __int_as_float(w.y);
  v[from + 2] = __int_as_float(w.z), v[from + 3] = __int_as_float(w.w);
}
template <class T>
WF_DEVICE void split_words(const Words4& w, T, float (&v)[8], int) {
  const u32 words[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    v[2 * i] = unpack(T{}, static_cast<u16>(words[i]));
    v[2 * i + 1] = unpack(T{}, static_cast<u16>(words[i] >> 16));
  }
}
template <class T>
WF_DEVICE void load_eight(const T* from, float (&v)[8]) {
  constexpr int kPerWord4 = 16 / static_cast<int>(sizeof(T));
#pragma unroll
  for (int i = 0; i < 8; i += kPerWord4)
    split_words(ld_global(reinterpret_cast<const Words4*>(from + i)), T{}, v, i);
}
WF_DEVICE void store_eight(float* to, const float (&v)[8]) {
#pragma unroll
  for (int i = 0; i < 8; i += 4)
    st_global(reinterpret_cast<Words4*>(to + i),
              Words4{static_cast<u32>(__float_as_int(v[i])), static_cast<u32>(__float_as_int(v[i + 1])),
                     static_cast<u32>(__float_as_int(v[i + 2])), static_cast<u32>(__float_as_int(v[i + 3]))});
}
template <class T>
WF_DEVICE void store_eight(T* to, const float (&v)[8]) {
  st_global(reinterpret_cast<Words4*>(to), Words4{pack(T{}, v[0], v[1]), pack(T{}, v[2], v[3]),
                                                  pack(T{}, v[4], v[5]), pack(T{}, v[6], v[7])});
}

// Is the coordinate inside its extent? Negative ones are not.
WF_DEVICE bool is_inside(int index, int extent) { return static_cast<u32>(index) < static_cast<u32>(extent); }
// The same for the first `Count` coordinates.
template <int Count, class T, int Rank>
WF_DEVICE bool are_inside(const GlobalTensor<T, Rank>& tensor, const int (&index)[Rank]) {
  bool inside = true;
#pragma unroll
  for (int d = 0; d < Count; ++d) inside = inside && is_inside(index[d], tensor.shape[d]);
  return inside;
}

// Neighbouring columns of one row; what lies outside the tensor is 0 or not written.
template <int Count, class T, int Rank>
WF_DEVICE void load_run(const GlobalTensor<T, Rank>& from, int (&index)[Rank], float (&v)[Count]) {
  const int column = index[Rank - 1], columns = from.shape[Rank - 1];
  const T* address = element_address(from, index);
  if (from.strides[Rank - 1] == 1 && column >= 0 && column + Count <= columns &&
      is_aligned(address, Count * sizeof(T) > 16 ? 16 / sizeof(T) : Count)) {
    if constexpr (Count == 8)
      load_eight(address, v);
    else
      load_pair(address, v[0], v[1]);
    return;
  }
#pragma unroll
  for (int i = 0; i < Count; ++i)
    v[i] = is_inside(column + i, columns) ? load_element(address + i * from.strides[Rank - 1]) : 0.0f;
}
template <int Count, class T, int Rank>
WF_DEVICE void store_run(const GlobalTensor<T, Rank>& to, int (&index)[Rank], const float (&v)[Count]) {
  const int column = index[Rank - 1], columns = to.shape[Rank - 1];
  T* address = element_address(to, index);
  if (to.strides[Rank - 1] == 1 && column >= 0 && column + Count <= columns &&
      is_aligned(address, Count * sizeof(T) > 16 ? 16 / sizeof(T) : Count)) {
    if constexpr (Count == 8)
      store_eight(address, v);
    else
      store_pair(address, v[0], v[1]);
    return;
  }
#pragma unroll
  for (int i = 0; i < Count; ++i)
    if (is_inside(column + i, columns)) store_element(address + i * to.strides[Rank - 1], v[i]);
}

// How many neighbouring columns of a row a thread holds, and where element j of run r stands in the tile.
template <class Layout>
struct Runs;
template <>
struct Runs<MmaLayout> {
  static constexpr int kCount = 2;
  WF_STATIC constexpr int element_of(int run, int half, int j) { return 4 * run + 2 * half + j; }
};
template <>
struct Runs<VectorLayout> {
  static constexpr int kCount = 8;
  WF_STATIC constexpr int element_of(int run, int half, int j) {
    return 16 * run + j / 2 * 4 + 2 * half + j % 2;
  }
};

// Rows and runs of a register tile, each with its multi-index; visit(index, half, run) for rows that exist.
template <class Tile, class T, int Rank, class Visit>
WF_DEVICE void for_each_run(const GlobalTensor<T, Rank>& tensor, const int (&origin)[Rank], Visit visit) {
  using Layout = typename Tile::TileLayout;
  constexpr int kRuns = Tile::kCount / (2 * Runs<Layout>::kCount);
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int index[Rank];
#pragma unroll
    for (int d = 0; d < Rank; ++d) index[d] = origin[d];
    index[Rank - 2] += row_of<Tile::kRows>(half);
    const bool exists = are_inside<Rank - 1>(tensor, index);
#pragma unroll
    for (int run = 0; run < kRuns; ++run) {
      index[Rank - 1] = origin[Rank - 1] + Layout::column(Runs<Layout>::element_of(run, 0, 0));
      visit(index, half, run, exists);
    }
  }
}

template <int Rows, int Columns, class Layout, class T, int Rank, class... Index>
WF_DEVICE void load(RegisterTile<float, Rows, Columns, Layout>& d, const GlobalTensor<T, Rank>& from,
                    Index... coordinates) {
  const int origin[Rank] = {coordinates...};
  for_each_run<RegisterTile<float, Rows, Columns, Layout>>(
      from, origin, [&](int(&index)[Rank], int half, int run, bool exists) {
        float v[Runs<Layout>::kCount] = {};
        if (exists) load_run(from, index, v);
#pragma unroll
        for (int j = 0; j < Runs<Layout>::kCount; ++j) d.value[Runs<Layout>::element_of(run, half, j)] = v[j];
      });
}
template <int Rows, int Columns, class Layout, class T, int Rank, class... Index>
WF_DEVICE void store(const GlobalTensor<T, Rank>& to, const RegisterTile<float, Rows, Columns, Layout>& a,
                     Index... coordinates) {
  const int origin[Rank] = {coordinates...};
  for_each_run<RegisterTile<float, Rows, Columns, Layout>>(
      to, origin, [&](int(&index)[Rank], int half, int run, bool exists) {
        float v[Runs<Layout>::kCount];
#pragma unroll
        for (int j = 0; j < Runs<Layout>::kCount; ++j) v[j] = a.value[Runs<Layout>::element_of(run, half, j)];
        if (exists) store_run(to, index, v);
      });
}

// One value per row: the quad's first lane writes it, all four read it.
template <int Rows, class T, int Rank, class... Index>
WF_DEVICE void load(RowValues<Rows>& d, const GlobalTensor<T, Rank>& from, Index... coordinates) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int index[Rank] = {coordinates...};
    index[Rank - 1] += row_of<Rows>(half);
    d.value[half] = are_inside<Rank>(from, index) ? load_element(element_address(from, index)) : 0.0f;
  }
}
template <int Rows, class T, int Rank, class... Index>
WF_DEVICE void store(const GlobalTensor<T, Rank>& to, const RowValues<Rows>& a, Index... coordinates) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int index[Rank] = {coordinates...};
    index[Rank - 1] += row_of<Rows>(half);
    if (lane_index() % 4 == 0 && are_inside<Rank>(to, index))
      store_element(element_address(to, index), a.value[half]);
  }
}

// One value per column.
template <int Columns, class Layout, class T, int Rank, class... Index>
WF_DEVICE void load(ColumnValues<Columns, Layout>& d, const GlobalTensor<T, Rank>& from,
                    Index... coordinates) {
#pragma unroll
  for (int i = 0; i < ColumnValues<Columns, Layout>::kCount; ++i) {
    int index[Rank] = {coordinates...};
    index[Rank - 1] += Layout::column(ColumnValues<Columns, Layout>::site(i));
    d.value[i] = are_inside<Rank>(from, index) ? load_element(element_address(from, index)) : 0.0f;
  }
}

// --- global → shared by the producer's 128 threads, for tensors that TMA cannot move ---------------------
template <class T, int Rank>
WF_DEVICE u32 load_word(const GlobalTensor<T, Rank>& from, int (&index)[Rank], bool exists) {
  u32 bits = 0;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if (exists && is_inside(index[Rank - 1], from.shape[Rank - 1]))
      bits |= static_cast<u32>(ld_global(&element_address(from, index)->bits)) << (16 * i);
    ++index[Rank - 1];
  }
  return bits;
}

// Eight neighbouring columns of one row, as they lie in memory.
template <class T, int Rank>
WF_DEVICE Words4 load_chunk(const GlobalTensor<T, Rank>& from, int (&index)[Rank], bool exists) {
  const int column = index[Rank - 1];
  if (exists && from.strides[Rank - 1] == 1 && column >= 0 && column + 8 <= from.shape[Rank - 1]) {
    const T* address = element_address(from, index);
    if (is_aligned(address, 8)) return ld_global(reinterpret_cast<const Words4*>(address));
  }
  Words4 words;
  words.x = load_word(from, index, exists);
  words.y = load_word(from, index, exists);
  words.z = load_word(from, index, exists);
  words.w = load_word(from, index, exists);
  return words;
}

template <class Tile, int Stages, int StageBytes, class T, int Rank, class... Index>
WF_DEVICE void load(const Ring<Tile, Stages, StageBytes>& ring, const GlobalTensor<T, Rank>& from,
                    Index... coordinates) {
  const Tile tile = ring.tile();
  constexpr int kChunks = Tile::kColumns / 8;
#pragma unroll 1
  for (int chunk = thread_index() % 128; chunk < Tile::kRows * kChunks; chunk += 128) {
    int index[Rank] = {coordinates...};
    const int row = chunk / kChunks, column = chunk % kChunks * 8;
    index[Rank - 2] += row;
    index[Rank - 1] += column;
    const bool exists = are_inside<Rank - 1>(from, index);
    const Words4 words = load_chunk(from, index, exists);
    st_shared(tile.at(row, column), words);
  }
}

// --- registers → shared, for staging: every thread its pairs ---------------------------------------------
WF_DEVICE void st_pair(u32 address, float, float x, float y) { st_shared(address, x, y); }
template <class T>
WF_DEVICE void st_pair(u32 address, T, float x, float y) {
  st_shared(address, pack(T{}, x, y));
}

template <class T, int TileRows, int Columns, int Swizzle, int PanelRows, int Rows>
WF_DEVICE void copy(const SharedTile<T, TileRows, Columns, Swizzle, PanelRows>& d,
                    const RegisterTile<float, Rows, Columns>& a) {
  // 16-bit elements go 16 columns at a time where a chip can, each lane with the address of a row's half.
  constexpr int kBlocks = kStoresMatrices && sizeof(T) == 2 ? Columns / 16 : 0;
  if constexpr (kBlocks > 0) {
    const int row = thread_index() / 32 % (Rows / 16) * 16 + lane_index() % 16;
#pragma unroll
    for (int block = 0; block < kBlocks; ++block) {
      const auto* v = &a.value[8 * block];
      st_matrices(d.at(row, 16 * block + lane_index() / 16 * 8), pack(T{}, v[0], v[1]), pack(T{}, v[2], v[3]),
                  pack(T{}, v[4], v[5]), pack(T{}, v[6], v[7]));
    }
  }
#pragma unroll
  for (int i = 8 * kBlocks; i < Columns / 2; i += 2)
    st_pair(d.at(row_of<Rows>(i / 2 % 2), MmaLayout::column(i)), T{}, a.value[i], a.value[i + 1]);
}

// --- shared → registers, as an mma takes its first factor -------------------------------------------------
// Per 16 columns four matrices: rows 0-7 and 8-15 of the warp's, then the same of the next 8 columns.
template <class T, int Rows, int Columns, int TileRows, int Swizzle, int PanelRows>
WF_DEVICE void copy(PackedTile<T, Rows, Columns>& d,
                    const SharedTile<T, TileRows, Columns, Swizzle, PanelRows>& a) {
  const int row = thread_index() / 32 % (Rows / 16) * 16 + lane_index() % 16;
#pragma unroll
  for (int k = 0; k < Columns; k += 16) {
    const Words4 words = ld_matrices(a.at(row, k + lane_index() / 16 * 8));
    d.value[k / 4] = words.x, d.value[k / 4 + 1] = words.y;
    d.value[k / 4 + 2] = words.z, d.value[k / 4 + 3] = words.w;
  }
}

}  // namespace warpfinch
