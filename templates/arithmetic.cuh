// Elementwise and row ops on register tiles. Operands may be a tile, a value per row, a value per column or a
// number.
#pragma once

namespace warpfinch {

template <class D>
WF_DEVICE void fill(D& d, float number) {
#pragma unroll
  for (int i = 0; i < D::kCount; ++i) d.value[i] = number;
}

template <class D, class A, class F>
WF_DEVICE void map(D& d, const A& a, F f) {
#pragma unroll
  for (int i = 0; i < D::kCount; ++i) d.value[i] = f(at(a, D::site(i)));
}
template <class D, class A, class B, class F>
WF_DEVICE void map(D& d, const A& a, const B& b, F f) {
#pragma unroll
  for (int i = 0; i < D::kCount; ++i) d.value[i] = f(at(a, D::site(i)), at(b, D::site(i)));
}

template <class D, class A, class B>
WF_DEVICE void add(D& d, const A& a, const B& b) {
  map(d, a, b, [](float x, float y) { return x + y; });
}
template <class D, class A, class B>
WF_DEVICE void subtract(D& d, const A& a, const B& b) {
  map(d, a, b, [](float x, float y) { return x - y; });
}
template <class D, class A, class B>
WF_DEVICE void multiply(D& d, const A& a, const B& b) {
  map(d, a, b, [](float x, float y) { return x * y; });
}
template <class D, class A, class B>
WF_DEVICE void divide(D& d, const A& a, const B& b) {
  map(d, a, b, [](float x, float y) { return divide_of(x, y); });
}
template <class D, class A, class B>
WF_DEVICE void maximum(D& d, const A& a, const B& b) {
  map(d, a, b, [](float x, float y) { return larger(x, y); });
}
template <class D, class A, class B>
WF_DEVICE void minimum(D& d, const A& a, const B& b) {
  map(d, a, b, [](float x, float y) { return smaller(x, y); });
}

template <class D, class A>
WF_DEVICE void exp2(D& d, const A& a) {
  map(d, a, [](float x) { return ex2(x); });
}
template <class D, class A>
WF_DEVICE void log2(D& d, const A& a) {
  map(d, a, [](float x) { return lg2(x); });
}
template <class D, class A>
WF_DEVICE void reciprocal(D& d, const A& a) {
  map(d, a, [](float x) { return reciprocal_of(x); });
}
template <class D, class A>
WF_DEVICE void sqrt(D& d, const A& a) {
  map(d, a, [](float x) { return square_root(x); });
}
template <class D, class A>
WF_DEVICE void rsqrt(D& d, const A& a) {
  map(d, a, [](float x) { return reciprocal_of(square_root(x)); });
}
template <class D, class A>
WF_DEVICE void tanh(D& d, const A& a) {
  map(d, a, [](float x) { return tanh_of(x); });
}
template <class D, class A>
WF_DEVICE void sigmoid(D& d, const A& a) {
  map(d, a, [](float x) { return reciprocal_of(1.0f + ex2(x * -1.44269504f)); });
}
// By erfc rather than 1 + erf, which would lose what is left of a large negative x.
template <class D, class A>
WF_DEVICE void gelu(D& d, const A& a) {
  map(d, a, [](float x) { return 0.5f * x * erfc_of(x * -0.70710678f); });
}
template <class D, class A>
WF_DEVICE void negate(D& d, const A& a) {
  map(d, a, [](float x) { return -x; });
}
template <class D, class A>
WF_DEVICE void absolute(D& d, const A& a) {
  map(d, a, [](float x) { return magnitude(x); });
}

// Rounds pairs of columns to 16 bits.
template <class T, int Rows, int Columns>
WF_DEVICE void convert(PackedTile<T, Rows, Columns>& d, const RegisterTile<float, Rows, Columns>& a) {
#pragma unroll
  for (int i = 0; i < d.kCount; ++i) d.value[i] = pack(T{}, a.value[2 * i], a.value[2 * i + 1]);
}

// --- rows --------------------------------------------------------------------------------------------------
// Joins the four lanes that share a row.
template <class F>
WF_DEVICE float join_quad(float value, F f) {
  value = f(value, shuffle_xor(value, 1));
  return f(value, shuffle_xor(value, 2));
}

// Folds the thread's elements of one row, in two chains so that latency overlaps.
template <class Tile, class F>
WF_DEVICE float fold_row(const Tile& tile, int half, F f) {
  float even = tile.value[2 * half], odd = tile.value[2 * half + 1];
#pragma unroll
  for (int i = 4; i < Tile::kCount; i += 4) {
    even = f(even, tile.value[i + 2 * half]);
    odd = f(odd, tile.value[i + 2 * half + 1]);
  }
  return f(even, odd);
}

template <bool Accumulate, int Rows, class Tile>
WF_DEVICE void row_max(RowValues<Rows>& m, const Tile& tile) {
  const auto f = [](float x, float y) { return larger(x, y); };
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float own = join_quad(fold_row(tile, half, f), f);
    m.value[half] = Accumulate ? larger(m.value[half], own) : own;
  }
}

template <bool Accumulate, bool Partial, int Rows, class Tile>
WF_DEVICE void row_sum(RowValues<Rows>& sum, const Tile& tile) {
  const auto f = [](float x, float y) { return x + y; };
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float share = fold_row(tile, half, f);
    const float own = Partial ? share : join_quad(share, f);
    sum.value[half] = Accumulate ? sum.value[half] + own : own;
  }
}

template <int Rows>
WF_DEVICE void row_total(RowValues<Rows>& sum) {
#pragma unroll
  for (int half = 0; half < 2; ++half)
    sum.value[half] = join_quad(sum.value[half], [](float x, float y) { return x + y; });
}

}  // namespace warpfinch
