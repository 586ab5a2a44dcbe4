// The softmax of rows: what makes it canonical, its tensors, its work, and the words that the page for users
// has of it.
#include "generator/softmax/problem.hpp"

#include "generator/problem_checks.hpp"

namespace warpfinch {

Softmax canonical_of(Softmax softmax) {
  check_sizes(softmax);
  check_scale<Softmax>(softmax.scale);
  check_volume<Softmax>("x", {softmax.batch, softmax.rows, softmax.columns}, size_of(softmax.dtype));
  return softmax;
}

std::vector<Buffer> buffers_of(const Softmax& softmax) {
  const std::vector<int64_t> shape{softmax.batch, softmax.rows, softmax.columns};
  return {{.name = "x", .type = softmax.dtype, .shape = shape, .strides = contiguous(shape)},
          {.name = "y", .type = softmax.dtype, .shape = shape, .strides = contiguous(shape), .output = true}};
}

double flops_of(const Softmax& softmax) {
  return 5.0 * static_cast<double>(softmax.batch) *
         static_cast<double>(
             visible_pairs(band(softmax.mask, softmax.rows, softmax.columns), softmax.rows, softmax.columns));
}

ProblemWords words_of(const Softmax&) {
  return {{{"x", "scores"}, {"y", "weights: 0 to 1, which sum to 1 in each row that sees a column"}},
          "16-bit y: 4u y; fp32: (2^-20 + 2^-21 max |scale x|) y",
          "What lies at a column that a row does not see never reaches the row. A NaN or +inf makes its row "
          "NaN; -inf weighs 0, and a row of nothing else is 0.",
          "softmax batch=2 rows=3 columns=5 dtype=fp16"};
}

}  // namespace warpfinch
