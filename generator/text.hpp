// Numbers and characters that read and write the same in every process. The C library's functions follow the
// locale of the process, which is the host's to choose: where it writes decimals with a comma, std::stod
// reads 0.18 as 0. So every number in a text goes through these functions, or through std::from_chars.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace warpfinch {

// The number that the whole text is, without blanks or a plus sign; nothing where it is none, or where the
// type cannot hold it.
template <class Number>
std::optional<Number> number_from_text(std::string_view text) {
  Number number{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The shortest text that reads back as the same number.
template <class Number>
std::string number_to_text(Number number) {
  return fmt::format("{}", number);
}

// Of ASCII; the bytes of other alphabets are neither.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace warpfinch
