#include "generator/markdown.hpp"

namespace warpfinch {

std::string table_row(const std::vector<std::string>& cells) {
  std::string text = "|";
  for (const std::string& cell : cells) {
    text += ' ';
    for (const char c : cell) text += c == '|' ? std::string("\\|") : std::string(1, c);
    text += " |";
  }
  return text + "\n";
}

std::string table_head(const std::vector<std::string>& names) {
  return table_row(names) + table_row(std::vector<std::string>(names.size(), "---"));
}

}  // namespace warpfinch
