// A product with a number that stays in the tile's 16-bit type: one rounding per element.
#pragma once

namespace warpfinch {

template <class T, int Rows, int Columns>
WF_DEVICE void multiply_packed(PackedTile<T, Rows, Columns>& d, float number) {
#pragma unroll
  for (int i = 0; i < d.kCount; ++i) {
    const u32 pair = d.value[i];
    d.value[i] = pack(T{}, unpack(T{}, static_cast<u16>(pair)) * number,
                      unpack(T{}, static_cast<u16>(pair >> 16)) * number);
  }
}

}  // namespace warpfinch
