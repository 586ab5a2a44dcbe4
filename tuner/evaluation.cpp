// What an evaluation costs, and when it was made.
#include "tuner/evaluation.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <cmath>
#include <limits>

namespace warpfinch {

double cost_us(const Evaluation& evaluation) {
  double us = 0;
  if (const auto* measured = std::get_if<Measurement>(&evaluation.outcome)) {
    // Not "> 1": a NaN error must not pass.
    if (measured->max_error <= 1) us = measured->median_us;
  } else if (const auto* predicted = std::get_if<Prediction>(&evaluation.outcome)) {
    us = predicted->us;
  }
  return us > 0 ? us : std::numeric_limits<double>::infinity();
}

std::string utc_time() {
  const auto now = std::chrono::system_clock::now();
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                     since.count() % 1000);
}

}  // namespace warpfinch
