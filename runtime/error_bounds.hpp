// How far off a right kernel may be, step by step; the references add the steps up for each element. Each
// bound is the least that every right kernel keeps: what a step cannot avoid, and nothing for good measure.
//
// Every operation: the last step rounds to the output's type (last_rounding). Everything before is fp32, with
// w = 2^-24, and errors are relative where nothing else is said:
// - Sums of k products (gemm, scores, values): k w sum |a b| in any order, the standard bound of a sum.
//   Tensor cores stay below it: 16 products and the sum so far are cut to 25 bits below the largest of them,
//   the result to fp32 (17 * 2^-25 + 2^-23 for 16 products; runtime/emulator/tensor_core.hpp has the
//   sources). Fewer than 5 products may lose as much as 5 (product_sum_error). Where the sum of magnitudes
//   has no more than 24 bits above the last bit of any product, as with small whole numbers, nothing is lost
//   (is_exact_sum).
// - ex2.approx: 2^-22; lg2.approx: 2^-22 of the result, or of 1 (PTX ISA). erfcf: 4 ulp (CUDA C++ Programming
//   Guide).
// - An exponent is scale (s - reference). That the shift of a row is rounded does not matter, for it is the
//   same for all its elements. What remains is in proportion to the DIFFERENCE of the element to the row's
//   maximum, however large both are: scale as a float, the product or fma, and the difference where it is
//   taken first, w each (kExponentRoundings). The mean of that difference over a row's weights is at most
//   ln(keys), because their entropy is.
// - A row's exponentials are added in 8 chains (4 threads, even and odd), so an element goes through keys / 8
//   additions of w (kChains); what is rescaled when the reference rises costs 6 w per tile.
//
// gemm: the sum; w for alpha, w for the product with it, w for the bias. gelu: those times its slope, plus w
// (1.3 c + 9) for erfcf and for its argument, c being erfc's condition number: below x^2 + 1 for negative x,
// else 1/2.
//
// softmax: (3 w (difference + ln n) + 2 * 2^-22 + (n / 4 + 8) w) p, of the element and of the sum; what lies
// below 2^-126 of the largest may be 0.
//
// attention: weights p_j are rounded to the type (u = rounding); scores move by e_j = scale |q| |k_j| (d w),
// the lengths of the vectors standing in for sum |q k_j|, plus scale |q| |k_j| u where the config rounds the
// scaled Q (scale_q=true). A weight then moves by at most p_j (exp(e_j + e_top) - 1), top being the largest
// key, whose own weight moves by as much as all others together. Keys come in ascending order, so that a
// product is cut once more with every 16 keys behind it: on average 5/8 2^-25 per key of what is summed up so
// far (the cuts of many products lose half a unit each). A weight below 2^-126 of the row's sum may be lost,
// in fp16 2^-32 (P is taken times 2^7, its least number is 2^-24). No weighted mean leaves the range of V.
// LSE: the mean of e_j, the sum's rounding (2^-25 per key behind, a reference that rises with every tile
// included), 2^-22 (12 + 3 ln n) for ex2, lg2 and exponents, w (|scale s_max| + 2 |lse|).
//
// Not finite: a softmax row with a NaN or +inf is NaN, LSE included; one that is wholly -inf, or sees
// nothing, is 0 with LSE -inf. Where fp32 sums may overflow on finite inputs nothing is promised: the bound
// is infinite.
#pragma once

#include <algorithm>
#include <cstdint>

#include "generator/data_type.hpp"

namespace warpfinch {

constexpr double kFloatRounding = 0x1p-24;  // w
constexpr double kExp2Error = 0x1p-22;
constexpr double kLargestFloat = 0x1.fffffep127;
constexpr double kSmallestExponential = 0x1p-126;  // ex2 gives 0 below
constexpr double kExponentRoundings = 3 * kFloatRounding;
constexpr double kChains = 8;

// The largest relative error of rounding to nearest.
double rounding(DataType type);
// By how much rounding to the type can at most have moved a number from the side of `value` to `output`: half
// the gap between `output` and its neighbour on that side.
double last_rounding(double output, double value, DataType type);

// How far `output` is from `value`, in units of the bound and the last rounding together. Infinite where one
// of them is not finite and the other differs; but what may round to infinity in the type may be infinite,
// and an infinite bound promises nothing.
double error_ratio(double output, double value, double bound, DataType type);

// Of a sum of so many products in fp32, relative to the sum of their magnitudes.
inline double product_sum_error(int64_t count) {
  return static_cast<double>(std::max<int64_t>(count, 5)) * kFloatRounding;
}

// The last bit that is set in any of the numbers is worth 2^lowest_bit; of those that are finite and not 0,
// and INT_MAX where there is none.
int lowest_bit(const double* values, int64_t count, int64_t stride = 1);
// Do products with such magnitudes in all, each a multiple of 2^lowest, add up exactly in fp32, in any order?
bool is_exact_sum(double magnitude, int64_t lowest);

}  // namespace warpfinch
