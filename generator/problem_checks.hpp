// What operations ask of a problem before it is canonical. Each check refuses with the key and its value.
#pragma once

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

#include "generator/fp32.hpp"
#include "generator/problem_parts.hpp"

namespace warpfinch {

// Coordinates are 32-bit on the device, and a tile may reach past the end of its dimension.
inline constexpr int64_t kDimensionLimit = (int64_t{1} << 31) - 65536;
inline constexpr int kBytesLimit = 62;  // log2: offsets stay inside int64

template <class Operation>
[[noreturn]] void refuse(const std::string& what) {
  fail_input(fmt::format("{}: {}", Operation::kName, what));
}

// Every integer field but the windows is a size.
template <class Operation>
void check_sizes(const Operation& operation) {
  for_each_field<Operation>([&](const auto& field) {
    const auto& value = operation.*field.member;
    if constexpr (std::is_same_v<decltype(value), const int64_t&>) {
      if (field.name.starts_with("window")) return;
      if (value == 0 && field.core) refuse<Operation>(fmt::format("{} is missing", field.name));
      if (value < 0) refuse<Operation>(fmt::format("{}={}: must be at least 1", field.name, value));
      if (value >= kDimensionLimit)
        refuse<Operation>(
            fmt::format("{}={}: must be below 2^31 - 65536 = {}", field.name, value, kDimensionLimit));
    }
  });
}

// The door for problems that code puts together; a text with such a value is refused while it is read.
template <class Operation>
void check_values(const Operation& operation) {
  for_each_field<Operation>([&](const auto& field) {
    const auto& value = operation.*field.member;
    if (!takes(field, value))
      refuse<Operation>(fmt::format("{}={}: not {}", field.name, value_to_text(value), wanted_by(field)));
  });
}

template <class Operation>
void check_volume(std::string_view name, std::initializer_list<int64_t> shape, int element_bytes) {
  double bits = std::log2(element_bytes);
  for (int64_t size : shape) bits += std::log2(static_cast<double>(size));
  if (bits > kBytesLimit)
    refuse<Operation>(fmt::format("{} [{}] takes 2^{:.0f} bytes, the limit is 2^{}", name,
                                  fmt::join(shape, ", "), bits, kBytesLimit));
}

// Elements from the first to one past the last, in floating point: strides may be anything up to 2^63.
inline double span(const std::vector<int64_t>& shape, const Strides& strides) {
  double last = 0;
  for (size_t i = 0; i < shape.size(); ++i)
    last += static_cast<double>(shape[i] - 1) * static_cast<double>(strides[i]);
  return last + 1;
}

// Two elements share an address unless, dimensions sorted by stride, each one steps over all smaller ones.
inline bool overlaps_itself(const Buffer& buffer) {
  std::vector<std::pair<int64_t, int64_t>> dimensions;
  for (size_t i = 0; i < buffer.shape.size(); ++i)
    if (buffer.shape[i] > 1) dimensions.emplace_back(buffer.strides[i], buffer.shape[i]);
  std::sort(dimensions.begin(), dimensions.end());
  double covered = 1;
  for (auto [stride, size] : dimensions) {
    if (static_cast<double>(stride) < covered) return true;
    covered += static_cast<double>(size - 1) * static_cast<double>(stride);
  }
  return false;
}

template <class Operation>
void check_strides(const Buffer& buffer) {
  const std::string given = fmt::format("{}_strides={}", buffer.name, fmt::join(buffer.strides, ","));
  for (int64_t stride : buffer.strides)
    if (stride < 0) refuse<Operation>(given + ": strides must be 0 or more");
  if (std::log2(span(buffer.shape, buffer.strides) * size_of(buffer.type)) > kBytesLimit)
    refuse<Operation>(given + fmt::format(": the tensor would span more than 2^{} bytes", kBytesLimit));
  if (buffer.output && overlaps_itself(buffer))
    refuse<Operation>(fmt::format("{}: two elements of the output [{}] would share an address", given,
                                  fmt::join(buffer.shape, ", ")));
}

template <class Operation>
void check_stride_count(std::string_view name, const Strides& strides, size_t wanted,
                        std::string_view order) {
  if (!strides.empty() && strides.size() != wanted)
    refuse<Operation>(fmt::format("{}_strides={}: wants {} numbers, {}, has {}", name,
                                  fmt::join(strides, ","), wanted, order, strides.size()));
}

template <class Operation>
void check_scale(double scale) {
  if (is_exponent_factor(exponent_factor(scale))) return;
  refuse<Operation>(fmt::format("scale={}: must be a finite number above 0, and scale * log2(e) {}", scale,
                                kExponentFactors));
}

// What equals its default is left out.
inline void clear_if_default(Strides& given, const Strides& otherwise) {
  if (given == otherwise) given.clear();
}

}  // namespace warpfinch
