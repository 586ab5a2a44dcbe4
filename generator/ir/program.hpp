// The tile IR. A program declares tensors in three spaces and holds a tree of ops, one per line of its text,
// destination first: `@` global, `$` shared, `%` register. Tiles are places, as on the hardware.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/data_type.hpp"
#include "generator/ir/expr.hpp"

namespace warpfinch::ir {

// key=value, or a flag (empty value), in order. Lists are written [a,b].
using Attributes = std::vector<std::pair<std::string, std::string>>;

std::optional<std::string> attribute(const Attributes& attributes, std::string_view name);
bool has(const Attributes& attributes, std::string_view name);
// The integer value of an attribute, or `otherwise` where it is absent.
int64_t integer(const Attributes& attributes, std::string_view name, int64_t otherwise);
// The same of one that may have a fraction.
double real(const Attributes& attributes, std::string_view name, double otherwise);
void set(Attributes& attributes, std::string_view name, std::string value = {});
void remove(Attributes& attributes, std::string_view name);
std::vector<int64_t> integer_list(const std::string& text);  // "[1,2]"
std::string list_text(const std::vector<int64_t>& values);

enum class Space { global, shared, register_ };
constexpr char sigil(Space space) {
  return space == Space::global ? '@' : space == Space::shared ? '$' : '%';
}

// What a declaration line says. Register tensors of rank 1 carry `rows` or `columns`: one value per row or
// per column of a tile.
struct Tensor {
  Space space = Space::global;
  std::string name;
  DataType type = DataType::fp32;
  std::vector<Expr> shape;
  Attributes attributes;
  bool operator==(const Tensor&) const = default;
};

struct Operand {
  enum class Kind { tensor, expr, number } kind = Kind::tensor;
  Space space = Space::global;
  std::string name;         // tensor
  std::vector<Expr> index;  // tensor: coordinates (@), or the row slice (`$q[warpgroup]`)
  bool transposed = false;  // tensor: `$k^T`
  Expr expr;                // expr
  double number = 0;        // number
  bool operator==(const Operand&) const = default;
};

// `name in begin .. end step step`.
struct Range {
  std::string name;
  Expr begin, end, step{1};
  bool operator==(const Range&) const = default;
};

struct Op {
  std::string name;
  std::vector<Range> ranges;      // grid: its axes, slowest first; for: one; let: one, only its name
  std::vector<Operand> operands;  // let, if: one expr
  Attributes attributes;
  std::vector<Op> body;  // grid, role, for, if
  int line = 0;          // of the text that it was read from, or that `number_lines` would print
  bool operator==(const Op& other) const {
    return name == other.name && ranges == other.ranges && operands == other.operands &&
           attributes == other.attributes && body == other.body;
  }
};

struct Program {
  std::string name;
  Attributes attributes;  // target=…, and the schedule that passes have not yet applied
  std::vector<std::pair<std::string, Expr>> constants;  // `let m_tile = 128` before the declarations
  std::vector<Tensor> tensors;
  std::vector<Op> body;
  bool operator==(const Program&) const = default;
};

const Tensor* find(const Program& program, Space space, std::string_view name);
Tensor* find(Program& program, Space space, std::string_view name);

// --- building ------------------------------------------------------------------------------------------
Operand global(std::string name, std::vector<Expr> index);
Operand shared(std::string name);
Operand transposed(Operand operand);
Operand tile(std::string name);  // a register tensor
Operand expr(Expr value);
Operand number(double value);  // whole numbers become an expr, as the parser reads them
Op op(std::string name, std::vector<Operand> operands, Attributes attributes = {});
Op for_loop(Range range, std::vector<Op> body, Attributes attributes = {});
Op let(std::string name, Expr value);

// --- walking -------------------------------------------------------------------------------------------
// Calls visit(op) for every op of the tree, a parent before its body.
template <class Visitor>
void walk(const std::vector<Op>& ops, Visitor&& visit) {
  for (const Op& op : ops) {
    visit(op);
    walk(op.body, visit);
  }
}
template <class Visitor>
void walk(std::vector<Op>& ops, Visitor&& visit) {
  for (Op& op : ops) {
    visit(op);
    walk(op.body, visit);
  }
}
// Does the op, or anything in its body, name the tensor?
bool mentions(const Op& op, Space space, std::string_view name);
// Replaces a symbol in every expression of the op and its body.
void substitute(Op& op, const std::string& name, const Expr& by);

// --- text ----------------------------------------------------------------------------------------------
std::string print(const Program& program);
std::string print(const Op& op, int depth = 0);
std::string print_head(const Op& op);  // one line, without the body
// Gives each op the number of its line in the printed program, and each tensor's is `line_of`.
void number_lines(Program& program);
int line_of(const Program& program, const Tensor& tensor);
// Error (input) with "line L, column C: …". print(parse(text)) is the canonical text.
Program parse(std::string_view text);

}  // namespace warpfinch::ir
