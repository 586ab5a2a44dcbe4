// Program → text. The printer writes what the parser reads, and nothing else.
#include <fmt/format.h>

#include "generator/ir/ops.hpp"
#include "generator/ir/program.hpp"

namespace warpfinch::ir {
namespace {

std::string print_attributes(const Attributes& attributes) {
  std::string text;
  for (const auto& [key, value] : attributes)
    text += value.empty() ? " " + key : fmt::format(" {}={}", key, value);
  return text;
}

std::string print_list(const std::vector<Expr>& values) {
  std::string text;
  for (const Expr& value : values) text += (text.empty() ? "" : ", ") + to_text(value);
  return "[" + text + "]";
}

std::string print_operand(const Operand& operand) {
  if (operand.kind == Operand::Kind::expr) return to_text(operand.expr);
  if (operand.kind == Operand::Kind::number) return fmt::format("{}", operand.number);
  std::string text = sigil(operand.space) + operand.name;
  if (!operand.index.empty()) text += print_list(operand.index);
  return operand.transposed ? text + "^T" : text;
}

std::string print_range(const Range& range) {
  std::string text = fmt::format("{} in {} .. {}", range.name, to_text(range.begin), to_text(range.end));
  return range.step == Expr(1) ? text : text + " step " + to_text(range.step);
}

std::string print_tensor(const Tensor& tensor) {
  constexpr std::string_view kWords[] = {"param", "shared", "register"};
  return fmt::format("{} {}{} {} {}{}", kWords[static_cast<int>(tensor.space)], sigil(tensor.space),
                     tensor.name, to_text(tensor.type), print_list(tensor.shape),
                     print_attributes(tensor.attributes));
}

}  // namespace

std::string print_head(const Op& op) {
  if (op.name == "let") return fmt::format("let {} = {}", op.ranges[0].name, to_text(op.operands[0].expr));
  std::string text = op.name;
  std::string separator = " ";
  for (const Range& range : op.ranges) {
    text += separator + print_range(range);
    separator = ", ";
  }
  for (const Operand& operand : op.operands) {
    text += separator + print_operand(operand);
    separator = ", ";
  }
  return text + print_attributes(op.attributes);
}

std::string print(const Op& op, int depth) {
  const std::string indent(2 * depth, ' ');
  const bool block = opens_block(op);
  std::string text = indent + print_head(op) + (block ? " {\n" : "\n");
  for (const Op& inner : op.body) text += print(inner, depth + 1);
  return block ? text + indent + "}\n" : text;
}

std::string print(const Program& program) {
  std::string text = fmt::format("kernel {}{} {{\n", program.name, print_attributes(program.attributes));
  for (const auto& [name, value] : program.constants)
    text += fmt::format("  let {} = {}\n", name, to_text(value));
  for (const Tensor& tensor : program.tensors) text += "  " + print_tensor(tensor) + "\n";
  for (const Op& op : program.body) text += print(op, 1);
  return text + "}\n";
}

namespace {

void number_lines(std::vector<Op>& body, int& line) {
  for (Op& op : body) {
    op.line = line++;
    number_lines(op.body, line);
    line += opens_block(op);  // its closing brace
  }
}

int first_declaration(const Program& program) { return 2 + static_cast<int>(program.constants.size()); }

}  // namespace

void number_lines(Program& program) {
  int line = first_declaration(program) + static_cast<int>(program.tensors.size());
  number_lines(program.body, line);
}

int line_of(const Program& program, const Tensor& tensor) {
  return first_declaration(program) + static_cast<int>(&tensor - program.tensors.data());
}

}  // namespace warpfinch::ir
