// What problems of several operations are made of: masks, types of factors, strides, and the part of the page
// for users that no field says.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/fields.hpp"
#include "generator/plan.hpp"

namespace warpfinch {

// Which keys a query sees. causal: aligned to the bottom-right corner, key j is visible to row i when
// j <= i + kv_len - q_len. causal_top_left: when j <= i.
enum class Mask { none, causal, causal_top_left };
template <>
struct EnumNames<Mask> {
  static constexpr std::array<std::string_view, 3> names{"none", "causal", "causal_top_left"};
};

// Which columns of a plane a row sees, as a band along its diagonal: row i sees the columns i + first .. i +
// last that exist. Without a value there is no limit on that side; first is at most last.
struct Band {
  std::optional<int64_t> first = {}, last = {};
  bool operator==(const Band&) const = default;
};
Band band(Mask mask, int64_t rows, int64_t columns);

// What an mma multiplies.
inline constexpr std::array kFactorTypes{DataType::bf16, DataType::fp16};
// (Row, column) pairs of one [rows, columns] plane that the band lets through.
int64_t visible_pairs(const Band& band, int64_t rows, int64_t columns);

// Contiguous strides of a shape; and those that were given, if any were.
Strides contiguous(const std::vector<int64_t>& shape);
inline Strides given_or(const Strides& given, Strides otherwise) { return given.empty() ? otherwise : given; }

// What the page for users says of an operation beside its fields.
struct ProblemWords {
  std::vector<std::pair<std::string_view, std::string_view>> buffers;  // name, what it holds
  std::string_view bound;                                              // as runtime/accuracy.hpp derives it
  std::string_view not_finite;
  // A problem whose sizes and types are all different, so that each number has the name of one field.
  std::string_view sample;
  std::string_view tables_of = {};  // the operation whose fields and buffers it has
};

}  // namespace warpfinch
