// Every value struct lists its fields once:
//
//   struct Softmax {
//     int64_t rows = 1; …
//     static constexpr auto fields() {
//       return std::tuple{core("rows", &Softmax::rows, {.meaning = "rows of x and y"}),
//                         optional("scale", &Softmax::scale)};
//     }
//   };
//
// Printing, parsing, equality, genes, database columns and the page for users follow from that list. Core
// fields are always printed; optional ones only when they differ from the struct's default, so a later field
// does not change old keys.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "generator/data_type.hpp"
#include "generator/former_words.hpp"
#include "generator/result.hpp"
#include "generator/text.hpp"

namespace warpfinch {

// What a user has to know of a field beside its type and the struct's default.
template <class Value>
struct About {
  std::string_view meaning = {};
  std::string_view follows = {};       // from what, where the field is left out; empty: the struct's default
  std::span<const Value> values = {};  // those that it takes; empty: every one of its type
};

template <class Struct, class Value>
struct Field {
  std::string_view name;
  Value Struct::*member;
  bool core;
  About<Value> about = {};
};

template <class Struct, class Value>
constexpr Field<Struct, Value> core(std::string_view name, Value Struct::*member, About<Value> about = {}) {
  return {name, member, true, about};
}
template <class Struct, class Value>
constexpr Field<Struct, Value> optional(std::string_view name, Value Struct::*member,
                                        About<Value> about = {}) {
  return {name, member, false, about};
}

// Names of an enum's values in order; specialise with `static constexpr std::array names`, and `former` with
// the names that they had before, if they had others.
template <class Enum>
struct EnumNames;

template <>
struct EnumNames<DataType> {
  static constexpr std::array<std::string_view, 3> names{"bf16", "fp16", "fp32"};
};

// Strides in elements, outermost dimension first; empty means contiguous.
using Strides = std::vector<int64_t>;

// --- text of one value -------------------------------------------------------------------------------
template <class Number>
requires std::is_arithmetic_v<Number> std::string value_to_text(Number value) {
  return number_to_text(value);
}
inline std::string value_to_text(bool value) { return value ? "true" : "false"; }
inline std::string value_to_text(const Strides& value) { return fmt::format("{}", fmt::join(value, ",")); }
template <class Enum>
requires std::is_enum_v<Enum> std::string value_to_text(Enum value) {
  return std::string(EnumNames<Enum>::names[static_cast<size_t>(value)]);
}

// Each returns false, with what would be right in `wanted`, when the text is not such a value.
template <class Number>
requires std::is_arithmetic_v<Number>
bool value_from_text(std::string_view text, Number& value, std::string& wanted) {
  wanted = std::is_integral_v<Number> ? "an integer" : "a number";
  const std::optional<Number> number = number_from_text<Number>(text);
  value = number.value_or(value);
  return number.has_value();
}
inline bool value_from_text(std::string_view text, bool& value, std::string& wanted) {
  wanted = "true or false";
  value = text == "true";
  return value || text == "false";
}
inline bool value_from_text(std::string_view text, Strides& value, std::string& wanted) {
  value.clear();
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  for (;;) {
    const size_t comma = text.find(',');
    int64_t stride = 0;
    if (!value_from_text(text.substr(0, comma), stride, wanted)) {
      wanted = "integers separated by commas";
      return false;
    }
    value.push_back(stride);
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}
template <class Enum>
requires std::is_enum_v<Enum>
bool value_from_text(std::string_view text, Enum& value, std::string& wanted) {
  const auto& names = EnumNames<Enum>::names;
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return value = static_cast<Enum>(i), true;
  if constexpr (requires { EnumNames<Enum>::former; })
    for (size_t i = 0; i < names.size(); ++i)
      if (EnumNames<Enum>::former[i] == text) {
        note_former_word(text, names[i]);
        return value = static_cast<Enum>(i), true;
      }
  wanted = fmt::format("one of {}", fmt::join(names, ", "));
  return false;
}

// --- fields ------------------------------------------------------------------------------------------
template <class Struct, class Value>
bool takes(const Field<Struct, Value>& field, const Value& value) {
  const std::span<const Value> values = field.about.values;
  return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

// What may stand behind its name: "one of bf16, fp16".
template <class Struct, class Value>
std::string wanted_by(const Field<Struct, Value>& field) {
  std::string wanted;
  Value ignored{};
  value_from_text("", ignored, wanted);
  if (field.about.values.empty()) return wanted;
  std::vector<std::string> texts;
  for (const Value& value : field.about.values) texts.push_back(value_to_text(value));
  return fmt::format("one of {}", fmt::join(texts, ", "));
}

// --- structs -----------------------------------------------------------------------------------------
// Calls visit(field) for each field in order.
template <class Struct, class Visitor>
void for_each_field(Visitor&& visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, Struct::fields());
}

// "key=value key=value", in field order.
template <class Struct>
std::string fields_to_text(const Struct& value) {
  const Struct defaults{};
  std::string text;
  for_each_field<Struct>([&](const auto& field) {
    if (!field.core && value.*field.member == defaults.*field.member) return;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", field.name, value_to_text(value.*field.member));
  });
  return text;
}

template <class Struct>
std::string field_names() {
  std::string names;
  for_each_field<Struct>(
      [&](const auto& field) { names += fmt::format("{}{}", names.empty() ? "" : ", ", field.name); });
  return names;
}

// Sets one field from text; Error (input) says which key or value is wrong and what would be right.
template <class Struct>
void set_field(Struct& target, std::string_view key, std::string_view text, std::string_view what) {
  bool known = false;
  for_each_field<Struct>([&](const auto& field) {
    if (field.name != key) return;
    known = true;
    std::string wanted;
    if (!value_from_text(text, target.*field.member, wanted) || !takes(field, target.*field.member))
      fail_input(fmt::format("{}: {}={}: not {}", what, key, excerpt(text), wanted_by(field)));
  });
  if (!known)
    fail_input(fmt::format("{}: unknown key {}; known: {}", what, quote(key), field_names<Struct>()));
}

// Splits at blanks; no empty words.
std::vector<std::string_view> split_words(std::string_view text);

// Reads "key=value …" in any order and gives each pair to `set`. Error (input) for a word that is no pair,
// with `known` keys, and for a key that stands twice.
using SetField = std::function<void(std::string_view key, std::string_view text)>;
void read_pairs(std::string_view text, std::string_view what, const std::string& known, const SetField& set);

// Reads "key=value …" in any order over `result`, the defaults.
template <class Struct>
Struct fields_from_text(std::string_view text, std::string_view what, Struct result = {}) {
  read_pairs(text, what, field_names<Struct>(),
             [&](std::string_view key, std::string_view value) { set_field(result, key, value, what); });
  return result;
}

}  // namespace warpfinch
