// Online softmax: the reference (running maximum), exponentials to base 2, and what follows from them. Scores
// are unscaled; `scale` holds the softmax scale times log2(e). row_shift.cuh says what exponentials are taken
// against, and what Plain and Exact promise.
#pragma once

namespace warpfinch {

// When the reference is raised:
struct Always {};        // r0: every tile
struct WhenGrownBy8 {};  // r1: when a row of the warp grew by more than 8 in log2 units; P stays below 2^8

// `from` and `to`: the shifts of the thread's two rows before and after.
WF_DEVICE bool must_rise(Always, const float (&)[2], const float (&)[2]) { return true; }
WF_DEVICE bool must_rise(WhenGrownBy8, const float (&from)[2], const float (&to)[2]) {
  const bool grew = to[0] - from[0] > 8.0f || to[1] - from[1] > 8.0f;
  // Beyond the plain shifts their difference says too little.
  return any_lane(grew || !(is_plain(to[0]) && is_plain(to[1])));
}

// Raises the reference to the rows' maxima; `o_scale` is what sums under the old one must be multiplied by.
template <class Policy, class Shifts = Exact, int Rows, class Tile>
WF_DEVICE void reference(RowValues<Rows>& m, RowValues<Rows>& o_scale, const Tile& s, float scale,
                         float max_offset = 0.0f) {
  RowValues<Rows> raised;
  raised.value[0] = m.value[0];
  raised.value[1] = m.value[1];
  row_max<true>(raised, s);
  const float from[2] = {shift_of(m.value[0], scale, max_offset), shift_of(m.value[1], scale, max_offset)};
  const float to[2] = {shift_of(raised.value[0], scale, max_offset),
                       shift_of(raised.value[1], scale, max_offset)};
  o_scale.value[0] = 1.0f;
  o_scale.value[1] = 1.0f;
  if (!must_rise(Policy{}, from, to)) return;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    o_scale.value[half] = correction_of(Shifts{}, m.value[half], raised.value[half], scale, max_offset);
    m.value[half] = raised.value[half];
  }
}

// The factor that brings what was summed under the references `old` to the higher ones `raised`.
template <int Rows>
WF_DEVICE void correction(RowValues<Rows>& factor, const RowValues<Rows>& old, const RowValues<Rows>& raised,
                          float scale, float max_offset = 0.0f) {
#pragma unroll
  for (int half = 0; half < 2; ++half)
    factor.value[half] = branchless_correction(old.value[half], raised.value[half], scale, max_offset);
}

// 2^x on the FMA pipe, for who would wait for ex2: a polynomial of the fraction, to whose exponent the whole
// part is added (Cody and Waite). Its coefficients are those of the least relative error over [0, 1] with the
// constant fixed to 1 (Remez, degree 5: 2^-23.5), rounded to fp32. In fp32 no x from -126 to 128 is off by
// more than 2^-22.5 (1.66e-7; every float of 2^-23 and above was tried), where ex2 is documented to be
// within 2^-22, and whole numbers are exact. As with ex2, -inf and what lies below -127 give 0, and 128 and
// above infinity, which the checks of sums look for. So does NaN. Between -127 and -126 something below
// 2^-126 is left, which ex2 flushes.
WF_DEVICE float exp2_polynomial(float x) {
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23: sums with it are whole numbers, in the low bits
  const float clamped = larger(smaller(x, 128.0f), -127.0f);
  const float floored = add_down(clamped, kWhole);
  const float fraction = clamped - (floored - kWhole);
  float power = fused(1.8671301e-3f, fraction, 9.0170303e-3f);
  power = fused(power, fraction, 5.5799913e-2f);
  power = fused(power, fraction, 2.4016445e-1f);
  power = fused(power, fraction, 6.9315131e-1f);
  power = fused(power, fraction, 1.0f);
  const u32 exponent = static_cast<u32>(__float_as_int(floored)) << 23;
  return __int_as_float(static_cast<int>(static_cast<u32>(__float_as_int(power)) + exponent));
}

// e = 2^(scale * s - shift), one fma and one ex2 per element; `Polynomial` of every 16 elements, evenly
// spread, do without the ex2.
template <int Polynomial, class Tile>
WF_DEVICE void shifted_exp2(Tile& e, const Tile& s, float scale, const float (&shift)[2]) {
#pragma unroll
  for (int i = 0; i < Tile::kCount; ++i) {
    const float x = fused(s.value[i], scale, -shift[i / 2 % 2]);
    e.value[i] = i * Polynomial % 16 < Polynomial ? exp2_polynomial(x) : ex2(x);
  }
}

// s = 2^(scale * (s - reference) + max_offset).
template <class Shifts = Exact, int Polynomial = 0, int Rows, class Tile>
WF_DEVICE void softmax_exp2(Tile& s, const RowValues<Rows>& m, float scale, float max_offset = 0.0f) {
  float shift[2] = {shift_of(m.value[0], scale, max_offset), shift_of(m.value[1], scale, max_offset)};
  // Rare, and apart from the exponentials, which so stand beside the sums that follow.
  if (Shifts::kAll && !(is_plain(shift[0]) && is_plain(shift[1]))) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const RowShift exact = exact_shift(m.value[half], scale, max_offset);
      shift[half] = exact.shift;
#pragma unroll
      for (int i = 0; i < Tile::kCount; ++i)
        if (i / 2 % 2 == half) s.value[i] = s.value[i] - exact.base;
    }
  }
  shifted_exp2<Polynomial>(s, s, scale, shift);
}

// e = 2^(scale * (s - reference) + max_offset) where the reference may be too low: what is then infinite or
// NaN, any limit on the sums finds.
template <int Polynomial = 0, int Rows, class Tile>
WF_DEVICE void speculative_exp2(Tile& e, const Tile& s, const RowValues<Rows>& m, float scale,
                                float max_offset = 0.0f) {
  const float shift[2] = {shift_of(m.value[0], scale, max_offset), shift_of(m.value[1], scale, max_offset)};
  shifted_exp2<Polynomial>(e, s, scale, shift);
}

// Is a value of some row, in some thread of the warp, above the limit, or NaN?
template <int Rows>
WF_DEVICE bool any_above(const RowValues<Rows>& x, float limit) {
  return any_lane(!(x.value[0] <= limit && x.value[1] <= limit));
}

// o = o * factor. OnlyChanged: a warp whose factors are all 1 skips it.
template <bool OnlyChanged, int Rows, class Tile>
WF_DEVICE void rescale(Tile& o, const RowValues<Rows>& factor) {
  if (OnlyChanged && !any_lane(factor.value[0] != 1.0f || factor.value[1] != 1.0f)) return;
  multiply(o, o, factor);
}

// Is an output of the row not finite? 0 * x is NaN for such an x, and so is every sum with it.
template <class Tile>
WF_DEVICE bool overflowed(const Tile& o, int half) {
  float even = 0.0f, odd = 0.0f;
#pragma unroll
  for (int i = 0; i < Tile::kCount; i += 4) {
    even = fused(o.value[i + 2 * half], 0.0f, even);
    odd = fused(o.value[i + 2 * half + 1], 0.0f, odd);
  }
  return even + odd != 0.0f;
}

// 1 where a row is not what it should be, else 0: its shift is not plain, or its sum left [1/2, 2^100). With
// a reference that a key of the row has, the sum is at least 1 but for rounding; of a row without a key it is
// 0.
template <int Rows>
WF_DEVICE void flag_rows(RowValues<Rows>& flag, const RowValues<Rows>& m, const RowValues<Rows>& sum,
                         float scale, float max_offset = 0.0f) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const bool summed = sum.value[half] >= 0.5f && sum.value[half] < 0x1p100f;
    flag.value[half] = summed && is_plain(shift_of(m.value[half], scale, max_offset)) ? 0.0f : 1.0f;
  }
}
// The same, and where an output of the row is not finite.
template <int Rows, class Tile>
WF_DEVICE void flag_rows(RowValues<Rows>& flag, const RowValues<Rows>& m, const RowValues<Rows>& sum,
                         const Tile& o, float scale, float max_offset = 0.0f) {
  flag_rows(flag, m, sum, scale, max_offset);
#pragma unroll
  for (int half = 0; half < 2; ++half)
    if (overflowed(o, half)) flag.value[half] = 1.0f;
}
// 1 where an output of the row is infinite or NaN, else 0.
template <int Rows, class Tile>
WF_DEVICE void flag_outputs(RowValues<Rows>& flag, const Tile& o) {
#pragma unroll
  for (int half = 0; half < 2; ++half) flag.value[half] = overflowed(o, half) ? 1.0f : 0.0f;
}

// o = o / sum; 0 where nothing was summed.
template <int Rows, class Tile>
WF_DEVICE void normalize(Tile& o, const RowValues<Rows>& sum) {
  RowValues<Rows> factor;
#pragma unroll
  for (int half = 0; half < 2; ++half)
    factor.value[half] = sum.value[half] == 0.0f ? 0.0f : reciprocal_of(sum.value[half]);
  multiply(o, o, factor);
}

// Natural logarithm of the row's sum of exponentials, which was taken times 2^max_offset; -inf where nothing
// was summed.
template <int Rows>
WF_DEVICE void log_sum_exp(RowValues<Rows>& e, const RowValues<Rows>& m, const RowValues<Rows>& sum,
                           float scale, float max_offset = 0.0f) {
  constexpr float kLn2 = 0.69314718f;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const RowShift at = exact_shift(m.value[half], scale, max_offset);
    const float logarithm = (at.shift + lg2(sum.value[half])) * kLn2;
    e.value[half] = sum.value[half] == 0.0f ? -infinity() : fused(at.base, scale * kLn2, logarithm);
  }
}

// -inf where column > query + offset; so many neighbouring rows belong to one query.
template <int RowsPerQuery = 1, class Tile>
WF_DEVICE void mask_causal(Tile& s, int first_row, int first_column, int offset) {
#pragma unroll
  for (int i = 0; i < Tile::kCount; ++i) {
    const int query = (first_row + row_of<Tile::kRows>(i / 2 % 2)) / RowsPerQuery;
    const int last = query + offset - first_column;
    if (Tile::TileLayout::column(i) > last) s.value[i] = -infinity();
  }
}

// -inf where column < query + offset.
template <int RowsPerQuery = 1, class Tile>
WF_DEVICE void mask_window(Tile& s, int first_row, int first_column, int offset) {
#pragma unroll
  for (int i = 0; i < Tile::kCount; ++i) {
    const int query = (first_row + row_of<Tile::kRows>(i / 2 % 2)) / RowsPerQuery;
    const int first = query + offset - first_column;
    if (Tile::TileLayout::column(i) < first) s.value[i] = -infinity();
  }
}

// -inf where column >= limit.
template <class Tile>
WF_DEVICE void mask_columns(Tile& s, int first_column, int limit) {
#pragma unroll
  for (int i = 0; i < Tile::kCount; ++i)
    if (Tile::TileLayout::column(i) >= limit - first_column) s.value[i] = -infinity();
}

}  // namespace warpfinch
