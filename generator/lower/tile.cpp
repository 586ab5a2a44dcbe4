// tile: puts the named constants (`let m_tile = 128`, and lets inside the body that fold to a number) into
// every expression.
// Requires: nothing. Leaves: constant tensor shapes and loop steps; no named constants.
#include <fmt/format.h>

#include "generator/lower/passes.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

void substitute_everywhere(Program& program, const std::string& name, const Expr& by) {
  for (Tensor& tensor : program.tensors)
    for (Expr& extent : tensor.shape) extent = substitute(extent, name, by);
  for (Op& op : program.body) substitute(op, name, by);
}

}  // namespace

void fold_lets(std::vector<Op>& body) {
  for (size_t i = 0; i < body.size(); ++i) {
    fold_lets(body[i].body);
    if (body[i].name != "let" || !is_constant(body[i].operands[0].expr)) continue;
    const std::string name = body[i].ranges[0].name;
    const Expr number = body[i].operands[0].expr;
    body.erase(body.begin() + i);
    for (size_t j = i; j < body.size(); ++j) {
      substitute(body[j], name, number);
      for (const char* bound : {"unmasked_from", "unmasked", "own", "own_unmasked"})
        if (attribute(body[j].attributes, bound) == name) set(body[j].attributes, bound, to_text(number));
    }
    --i;
  }
}

namespace {

// Coordinates are 32-bit on the device, and a tile may reach past the end of its dimension.
constexpr int64_t kLargestExtent = (int64_t{1} << 31) - 65536;

Rejection not_constant(const std::string& what, const Expr& expr) {
  return {"tile", fmt::format("{} is '{}', which is no constant", what, to_text(expr))};
}

std::optional<Rejection> check_extents(const Program& program) {
  for (const Tensor& tensor : program.tensors)
    for (const Expr& extent : tensor.shape)
      if (is_constant(extent) && value(extent) > kLargestExtent)
        return Rejection{"tile",
                         fmt::format("{}{} has an extent of {}, the largest is {}", sigil(tensor.space),
                                     tensor.name, value(extent), kLargestExtent)};
      else if (!is_constant(extent))
        return not_constant(fmt::format("an extent of {}{}", sigil(tensor.space), tensor.name), extent);
  return std::nullopt;
}

// Steps are positive constants, and so are the bounds of the grid's axes, whose tiles are counted.
std::optional<Rejection> check_ranges(const Program& program) {
  std::optional<Rejection> found;
  walk(program.body, [&](const Op& op) {
    if (op.name == "let" || found) return;
    for (const Range& range : op.ranges) {
      for (const Expr* part : {&range.begin, &range.end, &range.step})
        if (!is_constant(*part) && (op.name == "grid" || part == &range.step))
          found =
              not_constant(fmt::format("a bound or step of {} in '{}'", range.name, print_head(op)), *part);
      if (found) return;
      for (const Expr* part : {&range.begin, &range.end, &range.step})
        if (is_constant(*part) && (value(*part) > kLargestExtent || value(*part) < -kLargestExtent))
          found = Rejection{
              "tile", fmt::format("'{}': {} is beyond {}", print_head(op), value(*part), kLargestExtent)};
      if (found) return;
      if (value(range.step) <= 0)
        found = Rejection{"tile", fmt::format("'{}' has the step {}", print_head(op), value(range.step))};
      else if (op.name == "grid" && value(range.begin) >= value(range.end))
        found = Rejection{"tile", fmt::format("'{}': axis {} is empty", print_head(op), range.name)};
    }
  });
  return found;
}

}  // namespace

Lowered tile(const Program& program, const Target&) {
  Program result = program;
  for (size_t i = 0; i < result.constants.size(); ++i) {
    const auto [name, value] = result.constants[i];
    if (!is_constant(value))
      return Rejection{"tile", fmt::format("'{}' is no constant: {}", name, to_text(value))};
    for (size_t j = i + 1; j < result.constants.size(); ++j)
      result.constants[j].second = substitute(result.constants[j].second, name, value);
    substitute_everywhere(result, name, value);
  }
  result.constants.clear();
  fold_lets(result.body);
  if (auto rejection = check_extents(result)) return *rejection;
  if (auto rejection = check_ranges(result)) return *rejection;
  return result;
}

}  // namespace warpfinch::lower
