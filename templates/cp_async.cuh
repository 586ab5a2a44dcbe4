// Global → shared by the producer's 128 threads without a detour over registers (cp.async): 16 bytes each,
// for tensors whose rows begin at multiples of that. Who issued the copies does not wait for them: each
// thread's arrival at the stage's barrier comes when its own have landed.
#pragma once

namespace warpfinch {

struct CpAsync {};  // asks `load` for it

// Of 8 neighbouring columns from `column` on those that exist, in bytes.
WF_DEVICE int existing_bytes(int column, int columns) {
  return column < 0 ? 0 : 2 * larger(0, smaller(8, columns - column));
}

template <class How, class Tile, int Stages, int StageBytes, class T, int Rank, class... Index>
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
    const int bytes = existing_bytes(index[Rank - 1], from.shape[Rank - 1]);
    const bool exists = bytes > 0 && are_inside<Rank - 1>(from, index);
    cp_async(tile.at(row, column), exists ? element_address(from, index) : from.data, exists ? bytes : 0);
  }
}

// The proxy fence that an asynchronous mma needs is the consumers', behind their wait: here the copies have
// not landed yet.
template <class Ring>
WF_DEVICE void publish_copies(const Ring& ring) {
  cp_async_arrive(ring.full());
}

}  // namespace warpfinch
