// One row of attention in float64: scores become weights, and each weight gets a margin, which is how far it
// may be off in a right kernel (error_bounds.hpp says why so far).
#pragma once

#include <climits>
#include <cstdint>
#include <limits>
#include <vector>

#include "generator/problem.hpp"

namespace warpfinch {

// Of a chunk of keys, those that a row sees.
struct Visible {
  int64_t begin, end;
};

// Neighbouring keys, against the rows of a block.
struct KeyChunk {
  int64_t first, count;
  std::vector<double> lengths = {};  // of the vectors k; 0 for one that is not finite
  std::vector<double> places = {};   // first, first + 1, …
  double largest_length = 0;
  int lowest_bit = 0;  // of the vectors k
  // [rows, count]: scaled scores, then weights relative to the row's largest one, 0 where the key is hidden.
  std::vector<double> weights = {};
  std::vector<std::vector<double>> scores = {};  // of the rows that are wild(), as they were; else empty
};

struct AttentionRow {
  double q_length = 0;  // of the vector q, without the scale
  int q_lowest_bit = 0;
  // A score may be off by so much per length of its key: by its sum, and by Q that was rounded once more.
  double sum_error = 0, scaling_error = 0;
  int64_t end = 0;  // the keys that the row sees end here
  // Of the key with the largest score. It is NaN where a score is NaN or +inf.
  double maximum = -std::numeric_limits<double>::infinity();
  int64_t top = -1;
  double top_length = 0;
  double largest_length = 0;  // of the keys that the row sees, and that are finite
  int k_lowest_bit = INT_MAX;
  // Sums over the weights: themselves, times their key's length, times the number of keys behind.
  double sum = 0, length_sum = 0, behind_sum = 0;
  double moved = 0;  // sum of what the scores' errors may add to the weights other than the top's
  double score_error() const;
  // Scores that may be off by so much that first-order terms do not describe what becomes of the weights.
  bool wild() const { return score_error() * largest_length > 0.125; }
  // Finite factors whose sums may not be: then nothing is promised.
  bool overflows() const;
};

// First for all chunks, then the next for all chunks, and so on. `row` is the number within the block.
void find_top(AttentionRow& state, const KeyChunk& chunk, int64_t row, Visible visible);
void take_weights(AttentionRow& state, KeyChunk& chunk, int64_t row, Visible visible);
void add_weights(std::vector<AttentionRow>& states, const KeyChunk& chunk);
// margins: [rows, count]
void take_margins(AttentionRow& state, const KeyChunk& chunk, int64_t row, Visible visible, DataType type,
                  double* margins);

// How far o may be off before it is rounded. margin: sum of margins times |v|; value: of o; top_value: |v| of
// the top; largest_value: the largest |v|.
double output_bound(const AttentionRow& state, DataType type, double margin, double value, double top_value,
                    double largest_value);
double lse_of(const AttentionRow& state);
double lse_bound(const AttentionRow& state);

}  // namespace warpfinch
