// A softmax reference that follows the sums: where they have grown large it is raised by what they grew,
// which takes neither the scores nor their maximum.
#pragma once

namespace warpfinch {

// Raises the reference of the rows, with plain shifts, whose sum, joined over the row's threads, is finite
// and above the limit, so that the sum becomes 2^8; the factor of all others is 1. Not 1: with 2^18 equal
// scores fp16 would have no more than 7 digits left for each.
template <int Rows>
WF_DEVICE void raise_to_sum(RowValues<Rows>& m, RowValues<Rows>& o_scale, const RowValues<Rows>& sum,
                            float limit, float scale, float max_offset = 0.0f) {
  constexpr float kLeft = 8.0f;  // in log2 units
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const float total = join_quad(sum.value[half], [](float x, float y) { return x + y; });
    const float old = m.value[half];
    const float raised = old + (lg2(total) - kLeft) * (1.0f / scale);
    const bool rises = total > limit && total < infinity();
    o_scale.value[half] = rises ? correction_of(Plain{}, old, raised, scale, max_offset) : 1.0f;
    if (rises) m.value[half] = raised;
  }
}

}  // namespace warpfinch
