// A product with an epilogue, as a problem.
#pragma once

#include "generator/problem_parts.hpp"

namespace warpfinch {

// tn: A [m,k], B [n,k], both contiguous in k. nn: B [k,n].
enum class GemmLayout { tn, nn };
template <>
struct EnumNames<GemmLayout> {
  static constexpr std::array<std::string_view, 2> names{"tn", "nn"};
};

enum class Epilogue { none, bias, bias_gelu };
template <>
struct EnumNames<Epilogue> {
  static constexpr std::array<std::string_view, 3> names{"none", "bias", "bias_gelu"};
};

struct Gemm {
  static constexpr std::string_view kName = "gemm";
  static constexpr std::string_view kMeaning =
      "c = epilogue(alpha * a * b) for each matrix of the batch, summed in fp32";
  int64_t batch = 1, m = 0, n = 0, k = 0;
  DataType dtype = DataType::bf16, output = DataType::bf16;
  GemmLayout layout = GemmLayout::tn;
  Epilogue epilogue = Epilogue::none;
  double alpha = 1.0;
  Strides a_strides = {}, b_strides = {}, c_strides = {};  // [batch, row, column]; empty: contiguous
  bool operator==(const Gemm&) const = default;
  static constexpr auto fields() {
    constexpr About<Strides> kStrides{.meaning = "elements from one to the next along batch, row and column",
                                      .follows = "contiguous"};
    return std::tuple{
        core("batch", &Gemm::batch, {.meaning = "matrices of a, of b and of c"}),
        core("m", &Gemm::m, {.meaning = "rows of a and c"}),
        core("n", &Gemm::n, {.meaning = "columns of c"}),
        core("k", &Gemm::k, {.meaning = "columns of a, which are summed over"}),
        core("dtype", &Gemm::dtype, {.meaning = "type of a, b and bias", .values = kFactorTypes}),
        core("output", &Gemm::output, {.meaning = "type of c"}),
        core("layout", &Gemm::layout, {.meaning = "tn: b is [batch, n, k]; nn: b is [batch, k, n]"}),
        core("epilogue", &Gemm::epilogue,
             {.meaning =
                  "bias: adds bias[n] to every row; bias_gelu: and takes the exact gelu (by erf) of that"}),
        optional("alpha", &Gemm::alpha, {.meaning = "factor of the product"}),
        optional("a_strides", &Gemm::a_strides, kStrides),
        optional("b_strides", &Gemm::b_strides, kStrides),
        optional("c_strides", &Gemm::c_strides, kStrides)};
  }
};

// Strides, where they were left out the contiguous ones: [batch, row, column].
Strides a_strides(const Gemm& gemm);
Strides b_strides(const Gemm& gemm);
Strides c_strides(const Gemm& gemm);

// The parts that every operation has (generator/operation.hpp says what they are).
Gemm canonical_of(Gemm problem);
std::vector<Buffer> buffers_of(const Gemm& problem);
double flops_of(const Gemm& problem);
ProblemWords words_of(const Gemm& problem);

}  // namespace warpfinch
