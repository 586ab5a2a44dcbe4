// What a timed kernel gave.
#pragma once

#include <string>
#include <vector>

namespace warpfinch {

struct Measurement {
  double median_us = 0, min_us = 0, max_us = 0;  // per launch of the plan
  double spread = 0;                             // (third quartile - first quartile) / median
  std::vector<double> samples_us;                // one per graph replay, divided by its launches
  int launches_per_sample = 0;
  std::string l2 = "warm";                       // state of the L2 cache: buffers reused between launches
  double max_error = 0;                          // largest ratio to the accuracy bound; right when <= 1
  bool operator==(const Measurement&) const = default;
};

// Median, quartiles (linear between neighbours) and extremes of samples, which must not be empty.
Measurement summarise(std::vector<double> samples_us, int launches_per_sample);

}  // namespace warpfinch
