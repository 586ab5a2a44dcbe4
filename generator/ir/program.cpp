#include "generator/ir/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "generator/text.hpp"

namespace warpfinch::ir {

std::optional<std::string> attribute(const Attributes& attributes, std::string_view name) {
  for (const auto& [key, value] : attributes)
    if (key == name) return value;
  return std::nullopt;
}

bool has(const Attributes& attributes, std::string_view name) {
  return attribute(attributes, name).has_value();
}

int64_t integer(const Attributes& attributes, std::string_view name, int64_t otherwise) {
  const auto text = attribute(attributes, name);
  int64_t result = otherwise;
  if (text) std::from_chars(text->data(), text->data() + text->size(), result);
  return result;
}

double real(const Attributes& attributes, std::string_view name, double otherwise) {
  const auto text = attribute(attributes, name);
  return text ? number_from_text<double>(*text).value_or(otherwise) : otherwise;
}

void set(Attributes& attributes, std::string_view name, std::string value) {
  for (auto& [key, old] : attributes)
    if (key == name) return void(old = std::move(value));
  attributes.emplace_back(name, std::move(value));
}

void remove(Attributes& attributes, std::string_view name) {
  std::erase_if(attributes, [&](const auto& entry) { return entry.first == name; });
}

std::vector<int64_t> integer_list(const std::string& text) {
  std::vector<int64_t> values;
  for (size_t at = 1; at + 1 < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size() - 1);
    values.push_back(0);
    std::from_chars(text.data() + at, text.data() + end, values.back());
    at = end + 1;
  }
  return values;
}

std::string list_text(const std::vector<int64_t>& values) {
  return fmt::format("[{}]", fmt::join(values, ","));
}

const Tensor* find(const Program& program, Space space, std::string_view name) {
  for (const Tensor& tensor : program.tensors)
    if (tensor.space == space && tensor.name == name) return &tensor;
  return nullptr;
}

Tensor* find(Program& program, Space space, std::string_view name) {
  return const_cast<Tensor*>(find(std::as_const(program), space, name));
}

namespace {
Operand tensor_operand(Space space, std::string name, std::vector<Expr> index = {}) {
  Operand result;
  result.space = space;
  result.name = std::move(name);
  result.index = std::move(index);
  return result;
}
}  // namespace

Operand global(std::string name, std::vector<Expr> index) {
  return tensor_operand(Space::global, std::move(name), std::move(index));
}
Operand shared(std::string name) { return tensor_operand(Space::shared, std::move(name)); }
Operand tile(std::string name) { return tensor_operand(Space::register_, std::move(name)); }
Operand transposed(Operand operand) {
  operand.transposed = true;
  return operand;
}
Operand expr(Expr value) {
  Operand result;
  result.kind = Operand::Kind::expr;
  result.expr = std::move(value);
  return result;
}
Operand number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return expr(static_cast<int64_t>(value));
  Operand result;
  result.kind = Operand::Kind::number;
  result.number = value;
  return result;
}

Op op(std::string name, std::vector<Operand> operands, Attributes attributes) {
  Op result;
  result.name = std::move(name);
  result.operands = std::move(operands);
  result.attributes = std::move(attributes);
  return result;
}

Op for_loop(Range range, std::vector<Op> body, Attributes attributes) {
  Op result = op("for", {}, std::move(attributes));
  result.ranges = {std::move(range)};
  result.body = std::move(body);
  return result;
}

Op let(std::string name, Expr value) {
  Op result = op("let", {expr(std::move(value))});
  result.ranges = {{std::move(name), {}, {}, {1}}};
  return result;
}

bool mentions(const Op& op, Space space, std::string_view name) {
  for (const Operand& operand : op.operands)
    if (operand.kind == Operand::Kind::tensor && operand.space == space && operand.name == name) return true;
  return std::any_of(op.body.begin(), op.body.end(),
                     [&](const Op& inner) { return mentions(inner, space, name); });
}

void substitute(Op& op, const std::string& name, const Expr& by) {
  for (Range& range : op.ranges) {
    range.begin = substitute(range.begin, name, by);
    range.end = substitute(range.end, name, by);
    range.step = substitute(range.step, name, by);
  }
  for (Operand& operand : op.operands) {
    operand.expr = substitute(operand.expr, name, by);
    for (Expr& index : operand.index) index = substitute(index, name, by);
  }
  for (Op& inner : op.body) substitute(inner, name, by);
}

}  // namespace warpfinch::ir
