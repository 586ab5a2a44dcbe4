// The worst kernels that are still right: every step rounds as far as it may, in the direction that takes the
// result away from the truth, and sums are taken in the order that costs most. Simulated one output element
// at a time, in float64 with the errors put in by hand.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "runtime/error_bounds.hpp"
#include "tests/runtime/solved.hpp"

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

inline std::vector<double> products(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result;
  for (size_t i = 0; i < a.size(); ++i) result.push_back(a[i] * b[i]);
  return result;
}

// Row `row` of a dense tensor with rows of `length`.
inline std::vector<double> row_of(const HostTensor& tensor, int64_t row, int64_t length) {
  std::vector<double> values;
  for (int64_t i = 0; i < length; ++i) values.push_back(load_element(tensor, row * length + i));
  return values;
}

inline double gelu_slope_sign(double x) {
  return 0.5 * std::erfc(-x / std::numbers::sqrt2) + x * 0.3989 * std::exp(-0.5 * x * x) < 0 ? -1 : 1;
}

inline void run_worst(const Gemm& g, double direction, Tensors& t) {
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t j = 0; j < g.n; ++j) {
      const double bias = g.epilogue == Epilogue::none ? 0 : load_element(t[3], j);
      const std::vector<double> terms = products(row_of(t[0], i, g.k), row_of(t[1], j, g.k));
      const auto* added = g.epilogue == Epilogue::none ? nullptr : &bias;
      double x = worst_linear({direction}, terms, g.alpha, added);
      if (g.epilogue == Epilogue::bias_gelu) {
        x = worst_linear({direction * gelu_slope_sign(x)}, terms, g.alpha, added);
        const WorstSteps steps{direction};
        x = steps.moved(0.5 * x * std::erfc(-x / std::numbers::sqrt2),
                        ((x < 0 ? x * x : 0) + 9) * kFloatRounding);
      }
      store_element(t[2], i * g.n + j, x);
    }
}

inline void run_worst(const Softmax& softmax, double direction, Tensors& t) {
  const WorstSteps up{direction}, down{-direction};
  for (int64_t row = 0; row < softmax.rows; ++row) {
    std::vector<double> exponents = row_of(t[0], row, softmax.columns);
    if (softmax.mask == Mask::causal_top_left) exponents.resize(static_cast<size_t>(row) + 1);
    for (double& x : exponents) x *= softmax.scale;
    for (size_t j = 0; j < static_cast<size_t>(softmax.columns); ++j) {
      double y = 0;
      if (j < exponents.size()) {
        const auto weights =
            worst_exponentials(exponents, [&](size_t i) { return (i == j) == (direction > 0); });
        y = up.rounded(weights[j] * up.rounded(1 / worst_total(down, weights)));
      }
      store_element(t[1], row * softmax.columns + static_cast<int64_t>(j), y);
    }
  }
}

// Of one query: scores that came out too small and too large.
struct Scores {
  std::vector<double> low, high;
};
inline Scores worst_scores(const AttentionFields& f, const Tensors& t, int64_t row, int64_t keys) {
  Scores scores;
  for (int64_t j = 0; j < keys; ++j) {
    const auto terms = products(row_of(t[0], row, f.head_dim), row_of(t[1], j, f.head_dim));
    scores.low.push_back(effective_scale(f) * WorstSteps{-1}.sum(terms));
    scores.high.push_back(effective_scale(f) * WorstSteps{1}.sum(terms));
  }
  return scores;
}

// One element of O: keys whose value lies on the side of the direction weigh too much.
inline double worst_output(const AttentionFields& f, const Tensors& t, const Scores& scores, int64_t column,
                           double right, double direction) {
  const auto value = [&](size_t j) {
    return load_element(t[2], static_cast<int64_t>(j) * effective_value_dim(f) + column);
  };
  const auto up = [&](size_t j) { return (value(j) - right) * direction > 0; };
  std::vector<double> exponents;
  for (size_t j = 0; j < scores.low.size(); ++j) exponents.push_back(up(j) ? scores.high[j] : scores.low[j]);
  const std::vector<double> weights = worst_exponentials(exponents, up);
  const WorstSteps steps{direction};
  double sum = 0;
  for (size_t j = 0; j < weights.size(); ++j) {
    const double lifted = 0x1p7 * weights[j], gap = last_rounding(lifted, lifted, f.dtype);
    sum += (lifted + (value(j) * direction > 0 ? gap : -gap)) * 0x1p-7 * value(j);
    if (j % 16 == 15) sum = steps.moved(sum, 16 * 0.625 * 0x1p-25);
  }
  return steps.rounded(sum / worst_total({right * direction > 0 ? -1.0 : 1.0}, weights));
}

inline double worst_lse(const Scores& scores, double direction) {
  const WorstSteps steps{direction};
  const std::vector<double>& of_keys = direction > 0 ? scores.high : scores.low;
  const std::vector<double> weights = worst_exponentials(of_keys, [&](size_t) { return direction > 0; });
  const double total = worst_total(steps, weights),
               largest = *std::max_element(of_keys.begin(), of_keys.end());
  const double logarithm = steps.moved(std::log2(0x1p7 * total), kExp2Error) - 7;
  return steps.rounded(steps.rounded(steps.moved(largest, kFloatRounding) + logarithm * std::numbers::ln2));
}

inline void run_worst(const AttentionFields& f, double direction, Tensors& t) {
  Tensors exact = t;
  for (int64_t row = 0; row < f.q_len; ++row) {
    const int64_t keys = f.mask == Mask::causal ? f.kv_len - f.q_len + row + 1 : f.kv_len;
    const Scores scores = worst_scores(f, t, row, keys);
    for (int64_t column = 0; column < effective_value_dim(f); ++column) {
      const int64_t at = row * effective_value_dim(f) + column;
      store_element(t[3], at, worst_output(f, t, scores, column, load_element(exact[3], at), direction));
    }
    store_element(t[4], row, worst_lse(scores, direction));
  }
}

}  // namespace warpfinch
