#include "runtime/attention_rows.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/error_bounds.hpp"
#include "runtime/largest.hpp"
#include "runtime/product.hpp"

namespace warpfinch {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Per key behind: what the cuts of the tensor core take from a product, and what an addition of exponentials
// takes from the sum; for LSE with what a reference costs that rises in every tile.
constexpr double kCut = 0.625 * 0x1p-25;
constexpr double kAddition = kFloatRounding / kChains;
constexpr double kAdditionAndRise = 0.5 * kFloatRounding;
// Exponents that count are above -126 in log2 units, where three roundings take 2^-16 at most.
constexpr double kWeightRounding = 0x1p-16;
// exp(x) with a larger x is as good as infinite: no output is bounded by it.
constexpr double kLargestExponent = 40;

// A weight below that part of the row's sum may be lost.
double lost_weight(DataType type) { return type == DataType::fp16 ? 0x1p-32 : kSmallestExponential; }

double keys_behind(const AttentionRow& state, const KeyChunk& chunk, int64_t j) {
  return static_cast<double>(state.end - chunk.first - j);
}

// What the scores' errors may add to a weight: p (exp(x) - 1).
double moved_weight(const AttentionRow& state, double weight, double score, double length) {
  const double x = state.score_error * (length + state.top_length);
  if (!state.wild()) return weight * x * (1 + x);
  if (score == -kInfinity) return 0;
  return std::exp(std::min(score - state.maximum + x, kLargestExponent)) - weight;
}

// LSE's error by those of the scores: their mean, or any of them where the weights may be others altogether.
double moved_lse(const AttentionRow& state) {
  return state.score_error * (state.wild() ? state.largest_length : state.length_sum / state.sum);
}

}  // namespace

bool AttentionRow::overflows() const { return q_length * largest_length > kLargestFloat; }

void find_top(AttentionRow& state, const KeyChunk& chunk, int64_t row, Visible visible) {
  if (visible.begin == visible.end || std::isnan(state.maximum)) return;
  for (int64_t j = visible.begin; j < visible.end; ++j)
    if (chunk.lengths[j] < kInfinity) state.largest_length = std::max(state.largest_length, chunk.lengths[j]);
  const double* scores = &chunk.scores[row * chunk.count];
  const int64_t j = visible.begin + index_of_largest(scores + visible.begin, visible.end - visible.begin);
  if (scores[j] <= state.maximum) return;
  state.maximum = scores[j] < kInfinity ? scores[j] : std::nan("");
  state.top = chunk.first + j;
  state.top_length = chunk.lengths[j];
}

void take_weights(AttentionRow& state, KeyChunk& chunk, int64_t row, Visible visible) {
  double* weights = &chunk.weights[row * chunk.count];
  std::fill(weights, weights + chunk.count, 0.0);
  if (std::isnan(state.maximum)) state.sum = state.maximum;
  if (!(state.maximum > -kInfinity)) return;
  const double* scores = &chunk.scores[row * chunk.count];
  for (int64_t j = visible.begin; j < visible.end; ++j) weights[j] = scores[j] - state.maximum;
  exponentials(weights + visible.begin, weights + visible.begin, visible.end - visible.begin);
  for (int64_t j = visible.begin; j < visible.end; ++j) {
    if (scores[j] == -kInfinity) weights[j] = 0;
    if (weights[j] == 0) continue;  // its length may be infinite
    state.sum += weights[j];
    state.length_sum += weights[j] * chunk.lengths[j];
    state.behind_sum += weights[j] * keys_behind(state, chunk, j);
  }
}

void take_margins(AttentionRow& state, const KeyChunk& chunk, int64_t row, Visible visible, DataType type,
                  double* margins) {
  margins += row * chunk.count;
  std::fill(margins, margins + chunk.count, 0.0);
  if (!(state.maximum > -kInfinity)) return;
  const double *weights = &chunk.weights[row * chunk.count], *scores = &chunk.scores[row * chunk.count];
  const double of_any = rounding(type) + kWeightRounding, lost = lost_weight(type) * state.sum;
  for (int64_t j = visible.begin; j < visible.end; ++j) {
    margins[j] = weights[j] * (of_any + kCut * keys_behind(state, chunk, j)) + lost;
    if (chunk.first + j == state.top || scores[j] == -kInfinity) continue;
    const double moved = moved_weight(state, weights[j], scores[j], chunk.lengths[j]);
    margins[j] += moved;
    state.moved += moved;
  }
}

double output_bound(const AttentionRow& state, DataType type, double margin, double value, double top_value,
                    double largest_value) {
  if (state.sum == 0) return 0;
  const double u = rounding(type), keys = static_cast<double>(state.end);
  if (state.overflows() || margin > u * kLargestFloat) return kInfinity;
  const double of_sum = kAddition * state.behind_sum / state.sum + kExp2Error +
                        kExponentRoundings * std::log(keys) + kChains * kFloatRounding;
  const double bound = (margin + state.moved * top_value) / state.sum + of_sum * std::abs(value);
  return std::min(bound, (std::abs(value) + largest_value) * (1 + 2 * u));
}

double lse_of(const AttentionRow& state) {
  return state.sum == 0 ? -kInfinity : state.maximum + std::log(state.sum);
}

double lse_bound(const AttentionRow& state) {
  if (state.sum == 0) return 0;
  if (state.overflows()) return kInfinity;
  return moved_lse(state) + kAdditionAndRise * state.behind_sum / state.sum +
         kExp2Error * (12 + 3 * std::log(static_cast<double>(state.end))) +
         kFloatRounding * (std::abs(state.maximum) + 2 * std::abs(lse_of(state)));
}

}  // namespace warpfinch
