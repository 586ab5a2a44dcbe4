// Rows that came out wrong, computed once more from nothing, value by value. A product on the tensor cores
// adds 0 * value for every key that a row must not see, and that is NaN where the value is infinite or NaN;
// its sums are taken before the division, so that they can overflow where the result does not; and
// exponentials under a shift that is not plain are off. Here a key without weight is left out, weights are
// divided first, and shifts are exact. This is slow, and for rows that would be wrong.
#pragma once

namespace warpfinch {

// A tensor, and where in it row 0 and column 0 of a tile stand. What lies outside of the tensor is 0.
template <class T, int Rank>
struct Place {
  GlobalTensor<T, Rank> tensor;
  int index[Rank];
  WF_METHOD int rows() const { return tensor.shape[Rank - 2] - index[Rank - 2]; }
  WF_METHOD int columns() const { return tensor.shape[Rank - 1] - index[Rank - 1]; }
  WF_METHOD float element(int row, int column) const {
    if (row >= rows() || column >= columns()) return 0.0f;
    int at[Rank];
#pragma unroll
    for (int d = 0; d < Rank; ++d) at[d] = index[d];
    at[Rank - 2] += row;
    at[Rank - 1] += column;
    return load_element(element_address(tensor, at));
  }
};
template <class T, int Rank, class... Index>
WF_DEVICE Place<T, Rank> place(const GlobalTensor<T, Rank>& tensor, Index... index) {
  return {tensor, {index...}};
}

// A row of a tile while it is computed: lane l of the warp holds its columns l, l + 32 and so on.
template <int Columns>
struct SpreadRow {
  float value[(Columns + 31) / 32] = {};
  // Adds weight times a row of the tensor.
  template <class Values>
  WF_METHOD void add(float weight, const Values& values, int row, int lane) {
#pragma unroll
    for (int i = 0; i < (Columns + 31) / 32; ++i)
      value[i] = fused(weight, values.element(row, 32 * i + lane), value[i]);
  }
};
// First of the warp's 16 rows in a tile of that many.
template <int Rows>
WF_DEVICE int first_row_of_warp(int thread) {
  return thread / 32 % (Rows / 16) * 16;
}
// Row `row` of the warp's 16: what all lanes read, and what the lanes that hold it get.
template <int Rows>
WF_DEVICE float row_value(const RowValues<Rows>& rows, int row) {
  return shuffle(row < 8 ? rows.value[0] : rows.value[1], row % 8 * 4);
}
template <int Rows>
WF_DEVICE void set_row_value(RowValues<Rows>& rows, int row, float value, int lane) {
#pragma unroll
  for (int half = 0; half < 2; ++half)
    if (lane / 4 + 8 * half == row) rows.value[half] = value;
}
template <class Tile>
WF_DEVICE void set_row(Tile& o, int row, const SpreadRow<Tile::kColumns>& values, int lane) {
#pragma unroll
  for (int i = 0; i < Tile::kCount; ++i) {
    const int column = Tile::TileLayout::column(i, thread_index_anew() % 32);
    const float value = shuffle(values.value[i / 16], column % 32);
    if (lane / 4 + i / 2 % 2 * 8 == row) o.value[i] = value;
  }
}

// Which of the thread's two rows are marked in any of the lanes that share them.
template <int Rows>
WF_DEVICE RowValues<Rows> marked_rows(const RowValues<Rows>& unfit) {
  RowValues<Rows> marked;
#pragma unroll
  for (int half = 0; half < 2; ++half)
    marked.value[half] = join_quad(unfit.value[half], [](float x, float y) { return larger(x, y); });
  return marked;
}

// The product of a row of Q and one of K; every lane has a key of its own. Not
// unrolled: that would take registers from the rest.
template <class Queries, class Keys>
WF_DEVICE float score_of(const Queries& q, const Keys& k, int row, int key) {
  float score = 0.0f;
#pragma unroll 1
  for (int d = 0; d < q.columns(); ++d) score = fused(q.element(row, d), k.element(key, d), score);
  return score;
}

// Reference and sum of a row, or of a lane's share of it.
struct RowState {
  float reference = -infinity(), sum = 0.0f;
};
// Of one key. Its exponential is 2^max_offset but for the rounding of the shift, which all others have, too.
WF_DEVICE RowState state_of(float score, float scale, float max_offset) {
  const float exponent = exponent_of(score, exact_shift(score, scale, max_offset), scale);
  return {score, ex2(score == -infinity() ? max_offset : exponent)};
}
WF_DEVICE RowState joined(RowState a, RowState b, float scale, float max_offset) {
  const float top = larger(a.reference, b.reference);
  const float sum = a.sum * exact_correction(a.reference, top, scale, max_offset);
  return {top, fused(b.sum, exact_correction(b.reference, top, scale, max_offset), sum)};
}
WF_DEVICE RowState joined_over_lanes(RowState state, float scale, float max_offset) {
#pragma unroll 1
  for (int lanes = 1; lanes < 32; lanes *= 2) {
    const RowState other = {shuffle_xor(state.reference, lanes), shuffle_xor(state.sum, lanes)};
    state = joined(state, other, scale, max_offset);
  }
  return state;
}

// Attention's output, reference and sum of the rows marked in `unfit`. A query sees the keys from query +
// first to query + last, of those from begin to end. Scores are q_scale times a product.
template <int RowsPerQuery = 1, int Rows, class Tile, class Queries, class Keys, class Values>
WF_DEVICE void recompute_rows(Tile& o, RowValues<Rows>& m, RowValues<Rows>& sum, const RowValues<Rows>& unfit,
                              const Queries& q, const Keys& k, const Values& v, int first_row, int begin,
                              int end, int first, int last, float scale, float q_scale,
                              float max_offset = 0.0f) {
  const RowValues<Rows> marked = marked_rows(unfit);
  const int thread = thread_index_anew(), lane = thread % 32;
#pragma unroll 1
  for (int row = 0; row < 16; ++row) {
    if (row_value(marked, row) == 0.0f) continue;
    const int at = first_row_of_warp<Rows>(thread) + row, query = (first_row + at) / RowsPerQuery;
    const int from = larger(begin, query + first), to = smaller(smaller(end, k.rows()), query + last + 1);
    RowState state;
#pragma unroll 1
    for (int key = from + lane; key < to; key += 32)
      state =
          joined(state, state_of(score_of(q, k, at, key) * q_scale, scale, max_offset), scale, max_offset);
    state = joined_over_lanes(state, scale, max_offset);
    const RowShift shift = exact_shift(state.reference, scale, max_offset);
    SpreadRow<Tile::kColumns> values;
#pragma unroll 1
    for (int key = from; key < to; key += 32) {
      float weight = 0.0f;
      if (key + lane < to)
        weight = ex2(exponent_of(score_of(q, k, at, key + lane) * q_scale, shift, scale)) *
                 reciprocal_of(state.sum);
#pragma unroll 1
      for (int i = 0; i < smaller(32, to - key); ++i) {
        const float share = shuffle(weight, i);
        if (share != 0.0f) values.add(share, v, key + i, lane);
      }
    }
    set_row(o, row, values, lane);
    set_row_value(m, row, state.reference, lane);
    set_row_value(sum, row, state.sum, lane);
  }
}

// c = a b of the rows marked in `unfit`, without the products whose first factor is 0.
template <int Rows, class Tile, class Left, class Right>
WF_DEVICE void multiply_nonzeros(Tile& c, const RowValues<Rows>& unfit, const Left& a, const Right& b) {
  const RowValues<Rows> marked = marked_rows(unfit);
  const int thread = thread_index_anew(), lane = thread % 32;
#pragma unroll 1
  for (int row = 0; row < 16; ++row) {
    if (row_value(marked, row) == 0.0f) continue;
    SpreadRow<Tile::kColumns> sums;
#pragma unroll 1
    for (int k = 0; k < b.rows(); ++k) {
      const float weight = a.element(first_row_of_warp<Rows>(thread) + row, k);
      if (weight != 0.0f) sums.add(weight, b, k, lane);
    }
    set_row(c, row, sums, lane);
  }
}

}  // namespace warpfinch
