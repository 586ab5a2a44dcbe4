#include "generator/ir/attributes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "generator/former_words.hpp"
#include "generator/fp32.hpp"
#include "generator/text.hpp"

namespace warpfinch::ir {
namespace {

using Form = AttributeInfo::Form;
using Place = AttributeInfo::Place;

constexpr int64_t kMaxInteger = 2147483647;  // int on the device

AttributeInfo flag(std::string_view name) { return {.name = name, .form = Form::flag}; }
AttributeInfo text(std::string_view name) { return {.name = name, .form = Form::text}; }
AttributeInfo words(std::string_view name, std::vector<std::string_view> values) {
  return {.name = name, .form = Form::words, .words = std::move(values)};
}
AttributeInfo formerly(std::string_view name, AttributeInfo info, std::vector<std::string_view> words = {}) {
  info.former = name;
  info.former_words = std::move(words);
  return info;
}
AttributeInfo at_least(std::string_view name, int64_t least) {
  return {.name = name, .form = Form::integer, .least = least};
}

AttributeInfo in_template(AttributeInfo info, std::vector<std::string_view> spelled = {},
                          std::string_view absent = {}, std::string_view absent_in_front = {}) {
  info.place = Place::template_argument;
  info.spelled = std::move(spelled);
  info.absent = absent;
  info.absent_in_front = absent_in_front;
  return info;
}
AttributeInfo behind_arguments(std::string_view name, Form form, std::string_view absent = {}) {
  return {.name = name, .form = form, .place = Place::last_argument, .absent = absent};
}

std::vector<AttributeInfo> table() {
  return {
      // of the kernel
      text("target"),
      formerly("order", words("order", {"pv_first", "qk_first", "softmax_first"}), {"s0", "s1", "s7"}),
      formerly("baton", words("pingpong", {"none", "issue", "exponentials", ""})),
      words("mask_loop", {"split", "branch"}),
      words("copy", {"auto", "ld", "cp_async"}),
      words("staging", {"over_q", "own", "none"}),
      formerly("settle", words("pin", {"sums", "exponentials", "none"})),
      words("swizzle", {"32", "64", "128"}),
      words("producer_regs", {"24", "32", "40", "56"}),
      formerly("blocks", at_least("ctas_per_sm", 1)),
      in_template(at_least("threads", 32)),
      at_least("shared_bytes", 0),
      // of declarations
      {.name = "strides", .form = Form::integers},
      {.name = "packed", .form = Form::integers},
      flag("out"),
      at_least("stages", 1),
      text("alias"),
      at_least("offset", 0),
      at_least("barriers", 0),
      flag("rows"),
      flag("columns"),
      words("layout", {"mma", "vector"}),
      // of the grid, roles and blocks
      words("tile_order", {"flat", "static", "dynamic", "balanced"}),
      at_least("group", 1),
      text("descending"),
      text("retry"),
      at_least("lists", 1),
      in_template(at_least("cluster", 2)),
      at_least("tiles", 1),
      flag("resident"),
      {.name = "of", .form = Form::integers},
      in_template(words("who", {"reads", "claims", "both"}), {"Reads", "Claims", "ClaimsAndReads"}),
      in_template(at_least("kept", 0)),
      in_template(at_least("count", 24)),
      in_template(at_least("warpgroups", 1)),
      flag("producer"),
      flag("consumer"),
      flag("compute"),
      at_least("warps", 1),
      at_least("regs", 24),
      text("unmasked_from"),
      text("unmasked"),
      flag("nonempty"),
      text("own"),
      text("own_unmasked"),
      at_least("unroll", 1),
      flag("left_inside"),
      flag("cold"),
      flag("seldom"),
      // of ops that are calls
      in_template(words("evict", {"first", "last"}), {"EvictFirst", "EvictLast"}),
      in_template(words("via", {"tma", "ld", "cp_async", "st"}), {"", "", "CpAsync", ""}),
      at_least("multicast", 2),
      in_template(flag("accumulate"), {"accumulate"}, "overwrite"),
      in_template(flag("partial"), {"partial"}, "whole"),
      in_template(words("when", {"changed"}), {"changed"}, "always"),
      formerly("policy",
               in_template(words("policy", {"always", "conditional"}), {"Always", "WhenGrownBy8"}, "Always"),
               {"r0", "r1"}),
      in_template(words("shift", {"plain"}), {"Plain"}, "", "Exact"),
      in_template(words("polynomial", {"1", "2", "4", "8"})),
      in_template(at_least("rows_per_query", 1)),
      in_template(at_least("bytes", 1)),
      in_template(at_least("pending", 0)),
      behind_arguments("scale", Form::factor, "1.0f"),
      behind_arguments("q_scale", Form::number, "1.0f"),
      formerly("lift", behind_arguments("max_offset", Form::number)),
  };
}

bool is_integer_list(std::string_view list) {
  if (list.size() < 3 || list.front() != '[' || list.back() != ']') return false;
  list = list.substr(1, list.size() - 2);
  for (size_t at = 0; at <= list.size();) {
    const size_t end = std::min(list.find(',', at), list.size());
    if (!number_from_text<int64_t>(list.substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

bool is_integer_from(int64_t least, const std::string& value) {
  const auto number = number_from_text<int64_t>(value);
  return number && *number >= least && *number <= kMaxInteger;
}

}  // namespace

const std::vector<AttributeInfo>& attribute_infos() {
  static const std::vector<AttributeInfo> rows = table();
  return rows;
}

const AttributeInfo* find_attribute(std::string_view name) {
  for (const AttributeInfo& info : attribute_infos())
    if (info.name == name) return &info;
  return nullptr;
}

Attributes::value_type in_present_words(Attributes::value_type attribute) {
  auto& [name, value] = attribute;
  for (const AttributeInfo& info : attribute_infos()) {
    if (name != info.name && (info.former.empty() || name != info.former)) continue;
    if (name != info.name) note_former_word(name, info.name);
    name = info.name;
    for (size_t i = 0; i < info.former_words.size(); ++i)
      if (value == info.former_words[i]) {
        note_former_word(value, info.words[i]);
        value = info.words[i];
      }
  }
  return attribute;
}

std::string attribute_fault(const AttributeInfo& info, const std::string& value) {
  const auto number = number_from_text<double>(value);
  switch (info.form) {
    case Form::flag:
      return value.empty() ? "" : "no value";
    case Form::words: {
      const bool known = std::find(info.words.begin(), info.words.end(), value) != info.words.end();
      return known ? "" : fmt::format("one of {}", fmt::join(info.words, ", "));
    }
    case Form::integer:
      return is_integer_from(info.least, value)
                 ? ""
                 : fmt::format("an integer from {} to {}", info.least, kMaxInteger);
    case Form::number:
      return number && fits_fp32(*number) ? "" : "a number that fp32 holds";
    case Form::factor:
      return number && is_exponent_factor(*number) ? ""
                                                   : fmt::format("a number above 0, {}", kExponentFactors);
    case Form::integers:
      return is_integer_list(value) ? "" : "a list such as [64,1]";
    case Form::text:
      return value.empty() ? "a name" : "";
  }
  return "";
}

}  // namespace warpfinch::ir
