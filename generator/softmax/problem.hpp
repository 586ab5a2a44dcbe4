// The softmax of rows, as a problem.
#pragma once

#include "generator/problem_parts.hpp"

namespace warpfinch {

struct Softmax {
  static constexpr std::string_view kName = "softmax";
  static constexpr std::string_view kMeaning =
      "y = softmax(scale * x) along each row, over the columns that the mask lets the row see; 0 elsewhere";
  int64_t batch = 1, rows = 0, columns = 0;
  DataType dtype = DataType::bf16;
  Mask mask = Mask::none;
  double scale = 1.0;
  bool operator==(const Softmax&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        optional("batch", &Softmax::batch, {.meaning = "planes of rows and columns"}),
        core("rows", &Softmax::rows, {.meaning = "rows of a plane"}),
        core("columns", &Softmax::columns, {.meaning = "columns of a plane, which are summed over"}),
        core("dtype", &Softmax::dtype, {.meaning = "type of x and y"}),
        optional("mask", &Softmax::mask,
                 {.meaning = "causal: a row sees up to its own column, which for the last row is the last; "
                             "causal_top_left: for the first row the first"}),
        optional("scale", &Softmax::scale, {.meaning = "factor of x"})};
  }
};

// The parts that every operation has (generator/operation.hpp says what they are).
Softmax canonical_of(Softmax problem);
std::vector<Buffer> buffers_of(const Softmax& problem);
double flops_of(const Softmax& problem);
ProblemWords words_of(const Softmax& problem);

}  // namespace warpfinch
