#include "generator/fields.hpp"

#include <algorithm>

namespace warpfinch {

std::vector<std::string_view> split_words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  std::vector<std::string_view> words;
  for (size_t begin = text.find_first_not_of(kBlanks); begin != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBlanks, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

void read_pairs(std::string_view text, std::string_view what, const std::string& known, const SetField& set) {
  std::vector<std::string_view> seen;
  for (std::string_view word : split_words(text)) {
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos)
      fail_input(fmt::format("{}: {} is not key=value; keys: {}", what, quote(word), known));
    const std::string_view key = word.substr(0, equals);
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      fail_input(fmt::format("{}: {} stands twice", what, quote(key)));
    seen.push_back(key);
    set(key, word.substr(equals + 1));
  }
}

}  // namespace warpfinch
