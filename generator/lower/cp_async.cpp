#include "generator/lower/cp_async.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "generator/lower/tensors.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

constexpr int64_t kCopyBytes = 16;  // of one cp.async

bool all_steps_are_multiples(const Tensor& param, int64_t elements) {
  const std::vector<int64_t> strides = strides_of(param);
  const auto packed = packed_axis(param);
  if (packed && (packed->axis + 1 == strides.size() || packed->stride % elements != 0)) return false;
  for (size_t i = 0; i + 1 < strides.size(); ++i)
    if (value(param.shape[i]) > 1 && strides[i] % elements != 0) return false;
  return strides.back() == 1;
}

using Names = std::set<std::string>;

// Is the expression a multiple of `unit` whatever its names stand for? Those in `known` stand for multiples.
bool is_multiple(const Expr& expr, int64_t unit, const Names& known) {
  if (expr.kind == Expr::Kind::number) return expr.number % unit == 0;
  if (expr.kind == Expr::Kind::name) return known.contains(expr.name);
  const bool left = is_multiple(expr.arguments[0], unit, known),
             right = is_multiple(expr.arguments[1], unit, known);
  if (expr.name == "*") return left || right;
  const bool combines = expr.name == "+" || expr.name == "-" || expr.name == "min" || expr.name == "max";
  return combines && left && right;
}

// Axes, loop variables and lets that only take multiples, wherever the program uses their names.
Names multiples(const Program& program, int64_t unit) {
  Names known, others;
  walk(program.body, [&](const Op& op) {
    for (const Range& range : op.ranges) {
      const bool fits = op.name == "let"
                            ? is_multiple(op.operands[0].expr, unit, known)
                            : is_multiple(range.begin, unit, {}) && is_multiple(range.step, unit, {});
      (fits ? known : others).insert(range.name);
    }
  });
  for (const std::string& name : others) known.erase(name);
  return known;
}

}  // namespace

std::optional<std::string> cp_async_obstacle(const Program& program, const Op& load) {
  const Operand& from = load.operands[1];
  const Tensor& param = *find(program, Space::global, from.name);
  const int64_t elements = kCopyBytes / size_of(param.type);
  if (param.type != find(program, Space::shared, load.operands[0].name)->type)
    return fmt::format("cp.async does not convert {}", to_text(param.type));
  if (!all_steps_are_multiples(param, elements))
    return fmt::format(
        "cp.async wants an inner stride of 1 and the others multiples of {} bytes; @{} has [{}] "
        "elements of {} bytes",
        kCopyBytes, param.name, fmt::join(strides_of(param), ", "), size_of(param.type));
  if (is_multiple(from.index.back(), elements, multiples(program, elements))) return std::nullopt;
  return fmt::format("cp.async wants columns that begin at multiples of {}, which {} need not be", elements,
                     to_text(from.index.back()));
}

bool read_by_cp_async(const Program& program, const std::string& param) {
  bool found = false;
  walk(program.body, [&](const Op& op) {
    found |=
        op.name == "load" && op.operands[1].name == param && attribute(op.attributes, "via") == "cp_async";
  });
  return found;
}

}  // namespace warpfinch::lower
