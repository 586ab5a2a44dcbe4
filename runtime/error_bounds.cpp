#include "runtime/error_bounds.hpp"

#include <bit>
#include <climits>
#include <cmath>
#include <limits>

#include "runtime/workload.hpp"

namespace warpfinch {
namespace {

// A number with exponent e has neighbours 2^(e + 1 - digits) away; below `smallest` the gap stays.
struct Format {
  int digits, smallest;
};
Format format_of(DataType type) {
  switch (type) {
    case DataType::bf16:
      return {8, -126};
    case DataType::fp16:
      return {11, -14};
    case DataType::fp32:
      return {24, -126};
  }
  return {};
}

double rounded(double value, DataType type) {
  const auto single = static_cast<float>(value);
  if (type == DataType::bf16) return from_bf16(to_bf16(single));
  return type == DataType::fp16 ? from_fp16(to_fp16(single)) : single;
}

constexpr int kFraction = 52, kBias = 1023;  // of a double

int lowest_bit(double x) {
  const auto bits = std::bit_cast<uint64_t>(std::abs(x));
  if (bits == 0 || !std::isfinite(x)) return INT_MAX;
  const uint64_t digits = (bits & ((uint64_t{1} << kFraction) - 1)) | uint64_t{1} << kFraction;
  return static_cast<int>(bits >> kFraction) - kBias - kFraction + std::countr_zero(digits);
}

}  // namespace

double rounding(DataType type) { return std::ldexp(1, -format_of(type).digits); }

// By bits, because this is asked for every element of an output: every number of the types is a normal
// double.
double last_rounding(double output, double value, DataType type) {
  if (!std::isfinite(output)) return 0;
  const auto bits = std::bit_cast<uint64_t>(std::abs(output));
  const bool is_power_of_two = bits << (64 - kFraction) == 0;
  // The neighbour of a power of two towards 0 is half as far as the other one.
  const bool towards_zero = std::signbit(value) != std::signbit(output) || std::abs(value) < std::abs(output);
  const int exponent =
      static_cast<int>(bits >> kFraction) - kBias - (is_power_of_two && towards_zero ? 1 : 0);
  const Format format = format_of(type);
  const int half_gap = std::max(exponent, format.smallest) - format.digits;
  return std::bit_cast<double>(static_cast<uint64_t>(half_gap + kBias) << kFraction);
}

int lowest_bit(const double* values, int64_t count, int64_t stride) {
  int lowest = INT_MAX;
  for (int64_t i = 0; i < count; ++i) lowest = std::min(lowest, lowest_bit(values[i * stride]));
  return lowest;
}

bool is_exact_sum(double magnitude, int64_t lowest) {
  constexpr int kDigits = 24, kBeyondAll = 1000;
  return magnitude <= std::ldexp(1, static_cast<int>(std::min<int64_t>(lowest + kDigits, kBeyondAll)));
}

double error_ratio(double output, double value, double bound, DataType type) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (output == value || (std::isnan(output) && std::isnan(value)) || bound == kInfinity) return 0;
  if (std::isinf(output) && std::signbit(output) == std::signbit(value) &&
      std::isinf(rounded(std::abs(value) + bound, type)))
    return 0;
  const double difference = std::abs(output - value), allowed = bound + last_rounding(output, value, type);
  return std::isfinite(difference) && allowed > 0 ? difference / allowed : kInfinity;
}

}  // namespace warpfinch
