#include "runtime/measurement.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace warpfinch {
namespace {

double quantile(const std::vector<double>& sorted, double part) {
  const double place = part * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

Measurement summarise(std::vector<double> samples_us, int launches_per_sample) {
  assert(!samples_us.empty());
  std::vector<double> sorted = samples_us;
  std::sort(sorted.begin(), sorted.end());
  Measurement measurement;
  measurement.median_us = quantile(sorted, 0.5);
  measurement.min_us = sorted.front();
  measurement.max_us = sorted.back();
  if (measurement.median_us > 0)
    measurement.spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / measurement.median_us;
  measurement.samples_us = std::move(samples_us);  // in the order of time: drift can be seen
  measurement.launches_per_sample = launches_per_sample;
  return measurement;
}

}  // namespace warpfinch
