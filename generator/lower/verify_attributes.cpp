// Attributes: known ones only, with values that mean something. A misspelled hint would otherwise be a silent
// default.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "generator/lower/verify_rules.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

// What an attribute's value may be. No words and least == 0: a flag or free text.
struct Domain {
  std::string_view name;
  std::vector<std::string_view> words;
  int64_t least = 0;  // an integer of at least that
};

const std::vector<Domain>& domains() {
  static const std::vector<Domain> rows = {
      {"target", {}},
      {"order", {"s0", "s1"}},
      {"baton", {"none", "issue", ""}},
      {"mask_loop", {"split", "branch"}},
      {"copy", {"auto", "ld"}},
      {"tile_order", {"flat", "static"}},
      {"group", {}, 1},
      {"via", {"tma", "ld", "st"}},
      {"policy", {"r0", "r1"}},
      {"when", {"changed"}},
      {"layout", {"mma", "vector"}},
      {"swizzle", {"32", "64", "128"}},
      {"stages", {}, 1},
      {"warps", {}, 1},
      {"regs", {}, 24},
      {"threads", {}, 32},
      {"bytes", {}, 1},
  };
  return rows;
}

bool is_integer(const std::string& text, int64_t least) {
  int64_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() && number >= least;
}

std::optional<Rejection> check_value(const std::string& where, const std::string& name,
                                     const std::string& text) {
  const auto domain =
      std::find_if(domains().begin(), domains().end(), [&](const Domain& d) { return d.name == name; });
  if (domain == domains().end()) return std::nullopt;
  if (domain->least > 0 && !is_integer(text, domain->least))
    return Rejection{"verify",
                     fmt::format("{}: {}={}: an integer of at least {}", where, name, text, domain->least)};
  const auto& words = domain->words;
  if (!words.empty() && std::find(words.begin(), words.end(), text) == words.end())
    return Rejection{"verify",
                     fmt::format("{}: {}={}: one of {}", where, name, text, fmt::join(words, ", "))};
  return std::nullopt;
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
  static const std::vector<std::string_view> param = {"strides", "out"},
                                             shared = {"stages", "swizzle", "alias", "offset", "barriers"},
                                             register_ = {"rows", "columns", "layout"};
  return space == Space::global ? param : space == Space::shared ? shared : register_;
}

}  // namespace

std::optional<Rejection> check_attributes(const Program& program, const Target&) {
  static const std::vector<std::string_view> kernel = {"target", "order",   "baton",       "mask_loop",
                                                       "copy",   "threads", "shared_bytes"};
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
