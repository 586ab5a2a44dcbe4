#include "runtime/emulator/run_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "generator/text.hpp"

namespace warpfinch::emulator {
namespace {

// As one word of the shell. Within single quotes only the quote itself means something.
std::string shell_word(std::string_view word) {
  const auto is_plain = [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view("_./:=,@%+-").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) return std::string(word);
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string to_text(const RunLine& line) {
  std::string text = "warpfinch run --device " + shell_word(line.device);
  const auto add = [&](std::string_view option, std::string_view value) {
    text += fmt::format(" --{} {}", option, shell_word(value));
  };
  if (line.program.empty()) {
    add("problem", line.problem);
    add("config", line.config);
  } else {
    add("program", line.program);
  }
  if (line.input_seed != 0) add("input-seed", number_to_text(line.input_seed));
  if (line.spread != 1) add("spread", fmt::format("{}", line.spread));
  if (line.inputs != InputKind::random) add("inputs", value_to_text(line.inputs));
  for (const std::string& tensor : line.tensors) add("tensor", tensor);
  return line.check ? text + " --check" : text;
}

}  // namespace warpfinch::emulator
