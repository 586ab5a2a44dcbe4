// Attributes: known ones only, with values that mean something. A misspelled hint would otherwise be a silent
// default.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "generator/fp32.hpp"
#include "generator/lower/verify_rules.hpp"
#include "generator/text.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

constexpr int64_t kMaxInteger = 2147483647;  // int on the device

// What an attribute's value may be: one of some words, an integer of at least `least`, a number, what scores
// are multiplied by, a list.
struct Domain {
  enum class Form { words, integer, number, factor, integers } form;
  std::vector<std::string_view> words = {};
  int64_t least = 0;
};

const std::map<std::string_view, Domain>& domains() {
  using enum Domain::Form;
  const auto at_least = [](int64_t least) { return Domain{integer, {}, least}; };
  static const std::map<std::string_view, Domain> rows = {
      {"order", {words, {"s0", "s1", "s7"}}},
      {"baton", {words, {"none", "issue", "exponentials", ""}}},
      {"mask_loop", {words, {"split", "branch"}}},
      {"copy", {words, {"auto", "ld", "cp_async"}}},
      {"tile_order", {words, {"flat", "static", "dynamic", "balanced"}}},
      {"lists", at_least(1)},
      {"via", {words, {"tma", "ld", "cp_async", "st"}}},
      {"evict", {words, {"first", "last"}}},
      {"policy", {words, {"r0", "r1"}}},
      {"shift", {words, {"plain"}}},
      {"q_scale", {number}},
      {"staging", {words, {"over_q", "own", "none"}}},
      {"settle", {words, {"sums", "exponentials", "none"}}},
      {"when", {words, {"changed"}}},
      {"layout", {words, {"mma", "vector"}}},
      {"swizzle", {words, {"32", "64", "128"}}},
      {"group", at_least(1)},
      {"stages", at_least(1)},
      {"warps", at_least(1)},
      {"blocks", at_least(1)},
      {"cluster", at_least(2)},
      {"multicast", at_least(2)},
      {"regs", at_least(24)},
      {"producer_regs", {words, {"24", "32", "40", "56"}}},
      {"threads", at_least(32)},
      {"bytes", at_least(1)},
      {"pending", at_least(0)},
      {"offset", at_least(0)},
      {"barriers", at_least(0)},
      {"shared_bytes", at_least(0)},
      {"scale", {factor}},
      {"lift", {number}},
      {"polynomial", {words, {"1", "2", "4", "8"}}},
      {"strides", {integers}},
      {"packed", {integers}},
      {"rows_per_query", at_least(1)},
      {"unroll", at_least(1)},
  };
  return rows;
}

bool is_integer_list(std::string_view text) {
  if (text.size() < 3 || text.front() != '[' || text.back() != ']') return false;
  text = text.substr(1, text.size() - 2);
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    if (!number_from_text<int64_t>(text.substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

// What would be right; empty where the value is.
std::string wanted(const Domain& domain, const std::string& text) {
  switch (domain.form) {
    case Domain::Form::words: {
      const auto& words = domain.words;
      const bool known = std::find(words.begin(), words.end(), text) != words.end();
      return known ? "" : fmt::format("one of {}", fmt::join(words, ", "));
    }
    case Domain::Form::integer: {
      const auto number = number_from_text<int64_t>(text);
      return number && *number >= domain.least && *number <= kMaxInteger
                 ? ""
                 : fmt::format("an integer from {} to {}", domain.least, kMaxInteger);
    }
    case Domain::Form::number: {
      const auto number = number_from_text<double>(text);
      return number && fits_fp32(*number) ? "" : "a number that fp32 holds";
    }
    case Domain::Form::factor: {
      const auto number = number_from_text<double>(text);
      return number && is_exponent_factor(*number) ? ""
                                                   : fmt::format("a number above 0, {}", kExponentFactors);
    }
    case Domain::Form::integers:
      return is_integer_list(text) ? "" : "a list such as [64,1]";
  }
  return "";
}

std::optional<Rejection> check_value(const std::string& where, const std::string& name,
                                     const std::string& text) {
  const auto domain = domains().find(name);
  if (domain == domains().end()) return std::nullopt;
  const std::string right = wanted(domain->second, text);
  if (right.empty()) return std::nullopt;
  return Rejection{"verify", fmt::format("{}: {}={}: {}", where, name, text, right)};
}

std::optional<Rejection> check_known(const std::string& where, const Attributes& attributes,
                                     const std::vector<std::string_view>& known) {
  for (const auto& [name, text] : attributes) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return Rejection{"verify", fmt::format("{}: unknown attribute '{}'; known: {}", where, name,
                                             fmt::join(known, ", "))};
    if (auto rejection = check_value(where, name, text)) return rejection;
  }
  return std::nullopt;
}

const std::vector<std::string_view>& known_of(Space space) {
  static const std::vector<std::string_view> param = {"strides", "packed", "out"},
                                             shared = {"stages", "copy",   "swizzle",
                                                       "alias",  "offset", "barriers"},
                                             register_ = {"rows", "columns", "layout"};
  return space == Space::global ? param : space == Space::shared ? shared : register_;
}

}  // namespace

std::optional<Rejection> check_attributes(const Program& program, const Target&) {
  static const std::vector<std::string_view> kernel = {
      "target", "order",  "baton",   "mask_loop",    "copy",          "staging",
      "settle", "blocks", "threads", "shared_bytes", "producer_regs", "swizzle"};
  if (auto rejection = check_known("kernel " + program.name, program.attributes, kernel)) return rejection;
  for (const Tensor& tensor : program.tensors) {
    const std::string where = sigil(tensor.space) + tensor.name;
    if (auto rejection = check_known(where, tensor.attributes, known_of(tensor.space))) return rejection;
  }
  std::optional<Rejection> found;
  walk(program.body, [&](const Op& op) {
    for (const auto& [name, text] : op.attributes)
      if (!found) found = check_value("'" + print_head(op) + "'", name, text);
  });
  return found;
}

}  // namespace warpfinch::lower
