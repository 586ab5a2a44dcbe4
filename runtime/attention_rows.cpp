#include "runtime/attention_rows.hpp"

#include <algorithm>
#include <cmath>

#include "runtime/error_bounds.hpp"
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

// Where the scores may be off by so much that another key may be the top: p (exp(x) - 1) with x in full.
void add_wild_moves(AttentionRow& state, const KeyChunk& chunk, int64_t row, Visible visible,
                    double* margins) {
  const double error = state.score_error();
  for (int64_t j = visible.begin; j < visible.end; ++j) {
    const double score = chunk.scores[row][j];
    if (chunk.first + j == state.top || score == -kInfinity) continue;
    const double x = error * (chunk.lengths[j] + state.top_length);
    const double moved = std::exp(std::min(score - state.maximum + x, kLargestExponent)) -
                         chunk.weights[row * chunk.count + j];
    margins[j] += moved;
    state.moved += moved;
  }
}

// The same where x is small: at most p x (1 + x), told per length of its key and of the top's.
double tame_move(const AttentionRow& state) {
  return state.score_error() * (1 + 2 * state.score_error() * state.largest_length);
}

// LSE's error by those of the scores: their mean, or any of them where the weights may be others altogether.
double moved_lse(const AttentionRow& state) {
  return state.score_error() * (state.wild() ? state.largest_length : state.length_sum / state.sum);
}

}  // namespace

double AttentionRow::score_error() const {
  const bool exact =
      scaling_error == 0 && is_exact_sum(q_length * largest_length, int64_t{q_lowest_bit} + k_lowest_bit);
  return exact ? 0 : sum_error + scaling_error;
}

bool AttentionRow::overflows() const { return q_length * largest_length > kLargestFloat; }

void find_top(AttentionRow& state, const KeyChunk& chunk, int64_t row, Visible visible) {
  const int64_t count = visible.end - visible.begin;
  if (count == 0 || std::isnan(state.maximum)) return;
  state.k_lowest_bit = std::min(state.k_lowest_bit, chunk.lowest_bit);
  const bool whole = count == chunk.count;
  state.largest_length = std::max(
      state.largest_length, whole ? chunk.largest_length : largest(&chunk.lengths[visible.begin], count));
  const double* scores = &chunk.weights[row * chunk.count];
  const double maximum = largest(scores + visible.begin, count);
  if (maximum <= state.maximum) return;
  state.maximum = maximum < kInfinity ? maximum : std::nan("");
  const int64_t top = std::find(scores + visible.begin, scores + visible.end, maximum) - scores;
  if (top == visible.end) return;  // NaN
  state.top = chunk.first + top;
  state.top_length = chunk.lengths[top];
}

void take_weights(AttentionRow& state, KeyChunk& chunk, int64_t row, Visible visible) {
  double* weights = &chunk.weights[row * chunk.count];
  if (state.wild()) chunk.scores[row].assign(weights, weights + chunk.count);
  if (std::isnan(state.maximum)) state.sum = state.maximum;
  if (!(state.maximum > -kInfinity)) visible.end = visible.begin;
  std::fill(weights, weights + visible.begin, 0.0);
  std::fill(weights + visible.end, weights + chunk.count, 0.0);
  shifted_exponentials(weights + visible.begin, state.maximum, visible.end - visible.begin);
}

void add_weights(std::vector<AttentionRow>& states, const KeyChunk& chunk) {
  const auto rows = static_cast<int64_t>(states.size());
  std::vector<double> factors(chunk.count * 3), sums(rows * 3);
  for (int64_t j = 0; j < chunk.count; ++j) {
    factors[j * 3] = 1;
    factors[j * 3 + 1] = chunk.lengths[j];
    factors[j * 3 + 2] = chunk.places[j];
  }
  add_product({rows, 3, chunk.count, false}, chunk.weights.data(), factors.data(), sums.data());
  for (int64_t i = 0; i < rows; ++i) {
    AttentionRow& state = states[i];
    state.sum += sums[i * 3];
    state.length_sum += sums[i * 3 + 1];
    state.behind_sum += static_cast<double>(state.end) * sums[i * 3] - sums[i * 3 + 2];
  }
}

void take_margins(AttentionRow& state, const KeyChunk& chunk, int64_t row, Visible visible, DataType type,
                  double* margins) {
  margins += row * chunk.count;
  std::fill(margins, margins + chunk.count, 0.0);
  if (!(state.maximum > -kInfinity) || visible.begin == visible.end) return;
  const double* weights = &chunk.weights[row * chunk.count];
  const double move = state.wild() ? 0 : tame_move(state);
  const double of_any = rounding(type) + kWeightRounding + kCut * static_cast<double>(state.end);
  scale_linearly(weights + visible.begin, &chunk.lengths[visible.begin], &chunk.places[visible.begin],
                 {.at_0 = of_any + move * state.top_length,
                  .by_x = move,
                  .by_y = -kCut,
                  .added = lost_weight(type) * state.sum},
                 margins + visible.begin, visible.end - visible.begin);
  if (state.wild()) return add_wild_moves(state, chunk, row, visible, margins);
  // The top's own move is that of all others together.
  const int64_t top = state.top - chunk.first;
  if (top >= visible.begin && top < visible.end) margins[top] -= 2 * move * state.top_length * weights[top];
  state.moved = move * (state.length_sum + state.top_length * (state.sum - 2));
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
