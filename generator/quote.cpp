#include "generator/quote.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace warpfinch {
namespace {

constexpr size_t kMostOfExcerpt = 80;
constexpr size_t kMostOfMessage = 2000;
constexpr size_t kEndOfMessage = 500;

// fmt knows what is printable, but escapes quotes and backslashes too: those are kept out of its hands, so
// that text which was escaped once stays as it is.
std::string escaped(std::string_view text, std::string_view kept) {
  std::string result;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find_first_of(kept, begin), text.size());
    const std::string literal = fmt::format("{:?}", text.substr(begin, end - begin));
    result.append(literal, 1, literal.size() - 2);
    if (end < text.size()) result += text[end];
    begin = end + 1;
  }
  return result;
}

// The place where the character begins that holds this byte of UTF-8.
size_t character_at(std::string_view text, size_t place) {
  while (place > 0 && (text[place] & 0xC0) == 0x80) --place;
  return place;
}

}  // namespace

std::string printable(std::string_view text) { return escaped(text, "\"\\\n"); }

std::string excerpt(std::string_view text) {
  constexpr std::string_view kKept = "\"\\";
  if (text.size() <= kMostOfExcerpt) return escaped(text, kKept);
  return escaped(text.substr(0, character_at(text, kMostOfExcerpt)), kKept) + "…";
}

std::string quote(std::string_view text) { return "'" + excerpt(text) + "'"; }

std::string one_line(std::string_view message) {
  std::string line(message);
  std::replace(line.begin(), line.end(), '\n', ' ');
  while (line.ends_with(' ')) line.pop_back();
  if (line.size() > kMostOfMessage) {
    const size_t from = character_at(line, kMostOfMessage - kEndOfMessage);
    line.replace(from, character_at(line, line.size() - kEndOfMessage) - from, " … ");
  }
  return printable(line);
}

}  // namespace warpfinch
