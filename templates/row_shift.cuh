// What the exponentials of a softmax row are taken against. The reference times scale is rounded once, and
// every exponential, sum and factor of the row uses that same rounded shift, so that its rounding cancels:
// it is a factor that all weights of the row share. That factor stays near 1 while the shift is small. A
// shift beyond 2^24 is no longer within 1 of the product, and there the reference is subtracted first, which
// is exact for every score that still has a weight.
#pragma once

namespace warpfinch {

// What an op promises: to be right for plain shifts, where who uses it looks at the end of the row whether
// they were, or for all.
struct Plain {
  static constexpr bool kAll = false;
};
struct Exact {
  static constexpr bool kAll = true;
};

// Up to here, in log2 units, a rounded shift is off by at most 1/2. Rows up to kExactShift keep it, too: a
// row that leaves the exact ones for a plain shift so has grown by 2^23 at least, and its old sums weigh 0
// whatever their last bits are.
constexpr float kPlainShift = 0x1p23f, kExactShift = 0x1p24f;

// What scores are shifted by so that their reference becomes 2^max_offset.
WF_DEVICE float shift_of(float reference, float scale, float max_offset) {
  return max_offset == 0.0f ? reference * scale : fused(reference, scale, -max_offset);
}
// Not for a row that saw no key yet.
WF_DEVICE bool is_plain(float shift) { return magnitude(shift) <= kPlainShift; }

// An exponent is (score - base) * scale - shift.
struct RowShift {
  float base, shift;
};
// For every reference. Without a key all scores are -inf, and are shifted by no more than the max_offset.
WF_DEVICE RowShift exact_shift(float reference, float scale, float max_offset) {
  const float shift = shift_of(reference, scale, max_offset);
  if (magnitude(shift) <= kExactShift) return {0.0f, shift};
  return {reference == -infinity() ? 0.0f : reference, -max_offset};
}
WF_DEVICE float exponent_of(float score, RowShift at, float scale) {
  return fused(score - at.base, scale, -at.shift);
}

// The factor that brings what was summed under `old` to the higher reference `raised`, for every pair.
WF_DEVICE float exact_correction(float old, float raised, float scale, float max_offset) {
  if (old == raised) return 1.0f;
  if (old == -infinity()) return 0.0f;
  const RowShift from = exact_shift(old, scale, max_offset), to = exact_shift(raised, scale, max_offset);
  if (from.base == to.base) return ex2(from.shift - to.shift);
  // One base at least is a reference, whose product with scale is taken unrounded.
  if (from.base == 0.0f) return ex2(fused(-raised, scale, from.shift) + max_offset);
  if (to.base == 0.0f) return ex2(fused(old, scale, -to.shift) - max_offset);
  return ex2((old - raised) * scale);
}
// The same without branches, for loops whose loads should not wait for one another. It takes more registers.
WF_DEVICE float branchless_correction(float old, float raised, float scale, float max_offset) {
  const RowShift from = exact_shift(old, scale, max_offset), to = exact_shift(raised, scale, max_offset);
  const bool from_shift = from.base == 0.0f, to_shift = to.base == 0.0f;
  const float large = (from_shift ? from.shift : 0.0f) - (to_shift ? to.shift : 0.0f);
  const float rest = from_shift == to_shift ? 0.0f : from_shift ? max_offset : -max_offset;
  const float factor = ex2(fused(from.base - to.base, scale, large) + rest);
  return old == raised ? 1.0f : old == -infinity() ? 0.0f : factor;
}
// The same for pairs that end at a plain shift, and, of Exact, for every pair.
template <class Shifts>
WF_DEVICE float correction_of(Shifts, float old, float raised, float scale, float max_offset) {
  const float from = shift_of(old, scale, max_offset), to = shift_of(raised, scale, max_offset);
  return Shifts::kAll && !is_plain(to) ? exact_correction(old, raised, scale, max_offset) : ex2(from - to);
}

}  // namespace warpfinch
