// Attributes: known ones only, with values that mean something. A misspelled hint would otherwise be a silent
// default.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/attributes.hpp"
#include "generator/lower/verify_rules.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

std::optional<Rejection> check_value(const std::string& where, const std::string& name,
                                     const std::string& text) {
  const AttributeInfo* info = find_attribute(name);
  const std::string right = info ? attribute_fault(*info, text) : "";
  if (right.empty()) return std::nullopt;
  const std::string value = text.empty() ? "" : "=" + text;
  return Rejection{"verify", fmt::format("{}: {}{}: {}", where, name, value, right)};
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
      "target", "order",       "pingpong", "mask_loop",    "copy",          "staging",
      "pin",    "ctas_per_sm", "threads",  "shared_bytes", "producer_regs", "swizzle"};
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
