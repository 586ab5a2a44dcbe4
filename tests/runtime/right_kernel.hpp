// The worst kernels that are still right: every step rounds as far as it may, in the direction that takes the
// result away from the truth, and sums are taken in the order that costs most. Simulated one output element
// at a time, in float64 with the errors put in by hand.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "runtime/error_bounds.hpp"

namespace warpfinch {

struct WorstSteps {
  double direction;  // +1: everything upwards, -1: downwards

  // One rounding to nearest in fp32: off by half a gap.
  double rounded(double x) const { return x + direction * last_rounding(x, x, DataType::fp32); }
  double moved(double x, double relative) const { return x + direction * relative * std::abs(x); }

  // The sum of one sign first, so that partial sums are large; each addition loses half a gap.
  double sum(std::vector<double> terms) const {
    std::sort(terms.begin(), terms.end(), [&](double x, double y) { return direction * x > direction * y; });
    double total = 0;
    for (double term : terms) total = rounded(total + term);
    return total;
  }
};

// [alpha * sum a b + bias], before the epilogue's gelu.
inline double worst_linear(WorstSteps steps, std::vector<double> products, double alpha, const double* bias) {
  double x = steps.sum(std::move(products));
  if (alpha != 1) x = steps.rounded(steps.moved(alpha * x, kFloatRounding));
  return bias ? steps.rounded(x + *bias) : x;
}

// Exponentials of one row, relative to the largest exponent; `up` says which ones are to come out too large.
inline std::vector<double> worst_exponentials(const std::vector<double>& exponents,
                                              const std::function<bool(size_t)>& up) {
  constexpr double kLn2 = 0.69314718055994531;
  const double largest = *std::max_element(exponents.begin(), exponents.end());
  std::vector<double> weights;
  for (size_t j = 0; j < exponents.size(); ++j) {
    const WorstSteps steps{up(j) ? 1.0 : -1.0};
    const double exact = (exponents[j] - largest) / kLn2;
    const double exponent = steps.rounded(steps.moved(exact, kFloatRounding));  // scale as a float, fma
    weights.push_back(steps.moved(std::exp2(exponent), kExp2Error));
  }
  return weights;
}

// Eight chains, then their sums.
inline double worst_total(WorstSteps steps, const std::vector<double>& weights) {
  std::vector<double> chains(8);
  for (size_t j = 0; j < weights.size(); ++j) chains[j % 8] = steps.rounded(chains[j % 8] + weights[j]);
  return steps.sum(chains);
}

}  // namespace warpfinch
