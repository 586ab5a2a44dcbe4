// What rows of genes share that does not depend on the config's type.
#include "generator/genes.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace warpfinch {

bool is_legal(const Legal& legal, int value) {
  if (!legal.values.empty())
    return std::find(legal.values.begin(), legal.values.end(), value) != legal.values.end();
  return value >= legal.least && value <= legal.most && value % legal.step == 0;
}

std::string to_text(const Legal& legal) {
  if (!legal.values.empty()) return fmt::format("one of {}", fmt::join(legal.values, ", "));
  if (legal == Legal{}) return "an integer";
  const std::string range = fmt::format("{} to {}", legal.least, legal.most);
  return legal.step == 1 ? range : fmt::format("a multiple of {} from {}", legal.step, range);
}

std::vector<std::string> numbers(std::initializer_list<int> values) {
  std::vector<std::string> texts;
  for (int value : values) texts.push_back(number_to_text(value));
  return texts;
}

}  // namespace warpfinch
