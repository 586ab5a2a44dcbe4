// What a timed kernel gave.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "generator/fields.hpp"

namespace warpfinch {

// How a kernel was timed. Times of two regimes are never compared.
struct Regime {
  std::string launch = "graph";   // how launches follow each other: replays of a graph, or single launches
  std::string l2 = "warm";        // state of the L2 cache; warm: buffers reused between launches
  std::string data = "ordinary";  // what the inputs hold; ordinary: workload()'s normal numbers
  bool operator==(const Regime&) const = default;
};

struct Measurement : Regime {
  double median_us = 0, min_us = 0, max_us = 0;  // per launch of the plan
  double spread = 0;                             // (third quartile - first quartile) / median
  std::vector<double> samples_us;                // one per graph replay, divided by its launches
  int launches_per_sample = 0;
  double max_error = 0;  // largest ratio to the accuracy bound; right when <= 1
  bool operator==(const Measurement&) const = default;
  static constexpr auto fields() {
    using M = Measurement;
    return std::tuple{core("median_us", &M::median_us),
                      core("min_us", &M::min_us),
                      core("max_us", &M::max_us),
                      core("spread", &M::spread),
                      core("samples_us", &M::samples_us),
                      core("launches_per_sample", &M::launches_per_sample),
                      core("l2", &M::l2),
                      core("max_error", &M::max_error),
                      optional("launch", &M::launch),
                      optional("data", &M::data)};
  }
};

// Median, quartiles (linear between neighbours) and extremes of samples, which must not be empty.
Measurement summarise(std::vector<double> samples_us, int launches_per_sample);

}  // namespace warpfinch
