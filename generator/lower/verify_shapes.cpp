// Shapes and types of an op's tensors.
#include <fmt/format.h>

#include <algorithm>

#include "generator/ir/ops.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/verify_rules.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

const Tensor& tensor_of(const Program& program, const Operand& operand) {
  return *find(program, operand.space, operand.name);
}

bool has_symbols(const Program& program, const Op& op) {
  for (const Operand& operand : op.operands) {
    if (operand.kind != Operand::Kind::tensor) continue;
    for (const Expr& extent : tensor_of(program, operand).shape)
      if (!is_constant(extent)) return true;
  }
  return false;
}

struct Extents {
  int64_t rows, columns;
};

// Extents of a tile operand; a slice of a shared tile has the rows of `sliced_rows`.
Extents extents(const Program& program, const Operand& operand, int64_t sliced_rows = 0) {
  const Tensor& tensor = tensor_of(program, operand);
  Extents result{value(tensor.shape[0]), value(tensor.shape[1])};
  if (operand.space == Space::shared && !operand.index.empty()) result.rows = sliced_rows;
  return operand.transposed ? Extents{result.columns, result.rows} : result;
}

// As the product takes it: rows and columns of the transpose where it is transposed.
Extents factor_extents(const Program& program, const Op& op, size_t i, const Target& target) {
  const FactorSlice slice = factor_slice(program, op, i, target);
  return op.operands[i].transposed ? Extents{slice.columns, slice.rows} : Extents{slice.rows, slice.columns};
}

std::optional<Rejection> check_mma(const Program& program, const Op& op, const Target& target) {
  const Tensor &a_tile = tensor_of(program, op.operands[1]), &b_tile = tensor_of(program, op.operands[2]);
  if (a_tile.shape.size() != 2 || b_tile.shape.size() != 2)
    return refuse(op, "mma takes tiles of two extents");
  if (op.operands[1].transposed && op.operands[1].space == Space::register_)
    return refuse(op, "a first factor in registers cannot be transposed; in shared memory it can");
  const Extents d = extents(program, op.operands[0]), a = factor_extents(program, op, 1, target),
                b = factor_extents(program, op, 2, target);
  if (a.rows != d.rows || a.columns != b.rows || b.columns != d.columns)
    return refuse(op, fmt::format("[{}, {}] = [{}, {}] x [{}, {}] does not fit", d.rows, d.columns, a.rows,
                                  a.columns, b.rows, b.columns));
  const MatrixUnit& unit = target.mma;
  if (d.columns % unit.column_step != 0 || d.columns > unit.max_columns)
    return refuse(op, fmt::format("{} columns: {} takes multiples of {} up to {}", d.columns,
                                  unit.instruction, unit.column_step, unit.max_columns));
  if (a.columns % unit.depth != 0)
    return refuse(op, fmt::format("an inner extent of {}: {} takes multiples of {}", a.columns,
                                  unit.instruction, unit.depth));
  if (a_tile.type != b_tile.type || a_tile.type == DataType::fp32)
    return refuse(op, fmt::format("{} x {}: both must be bf16 or both fp16", to_text(a_tile.type),
                                  to_text(b_tile.type)));
  if (tensor_of(program, op.operands[0]).type != DataType::fp32) return refuse(op, "sums are fp32");
  return std::nullopt;
}

std::optional<Rejection> check_copy(const Program& program, const Op& op) {
  const Tensor &a = tensor_of(program, op.operands[0]), &b = tensor_of(program, op.operands[1]);
  const bool moves = op.name == "copy";
  if (moves && op.operands[0].space == op.operands[1].space)
    return refuse(op, "copies between shared memory and registers");
  if (moves && (op.operands[0].transposed || op.operands[1].transposed))
    return refuse(op, "does not transpose");
  if (moves && op.operands[0].space == Space::register_ && a.type != b.type)
    return refuse(op, fmt::format("%{} is {} and ${} is {}; a tile comes to registers as it is", a.name,
                                  to_text(a.type), b.name, to_text(b.type)));
  const Extents to = extents(program, op.operands[0], value(b.shape[0])),
                from = extents(program, op.operands[1], value(a.shape[0]));
  if (to.rows != from.rows || to.columns != from.columns)
    return refuse(op, fmt::format("[{}] and [{}] differ", shape_text(a), shape_text(b)));
  return std::nullopt;
}

bool is_vector(const Tensor& tensor) { return attribute(tensor.attributes, "layout") == "vector"; }

// What the copies of templates/ take: fp32 tiles in registers, in the layout of the mma where shared memory
// or packing is on the other side; packed ones only come from convert or from shared memory.
std::optional<Rejection> check_copied_types(const Program& program, const Op& op) {
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const Operand& operand = op.operands[i];
    if (operand.kind != Operand::Kind::tensor || operand.space != Space::register_) continue;
    const Tensor& tensor = tensor_of(program, operand);
    const bool packed = (op.name == "convert" || op.name == "copy" || op.name == "multiply_packed") && i == 0;
    if (packed != (tensor.type != DataType::fp32))
      return refuse(op, fmt::format("%{} is {}, where {} is wanted", tensor.name, to_text(tensor.type),
                                    packed ? "bf16 or fp16" : "fp32"));
    if ((op.name == "copy" || op.name == "convert") && is_vector(tensor))
      return refuse(op, fmt::format("%{} has layout=vector, which only loads, stores and arithmetic know",
                                    tensor.name));
  }
  if (op.name != "load" || op.operands[0].space != Space::shared) return std::nullopt;
  const Tensor &tile = tensor_of(program, op.operands[0]), &param = tensor_of(program, op.operands[1]);
  if (tile.type != param.type || tile.type == DataType::fp32)
    return refuse(op,
                  fmt::format("${} is {} and @{} is {}; shared tiles take bf16 or fp16 as it lies in memory",
                              tile.name, to_text(tile.type), param.name, to_text(param.type)));
  return std::nullopt;
}

bool is_arithmetic_type(const Op& op) {
  return find_op(op.name)->group == Group::arithmetic || op.name == "fill" || op.name == "any_above";
}

// Register operands of an elementwise or row op: fp32, same rows, and the same columns where they have them.
std::optional<Rejection> check_registers(const Program& program, const Op& op) {
  std::optional<int64_t> rows, columns;
  std::string layout;
  bool any_tile = false;
  for (const Operand& operand : op.operands) {
    if (operand.kind != Operand::Kind::tensor || operand.space != Space::register_) continue;
    const Tensor& tensor = tensor_of(program, operand);
    if (is_arithmetic_type(op) && tensor.type != DataType::fp32)
      return refuse(op,
                    fmt::format("%{} is {}; arithmetic is done in fp32", tensor.name, to_text(tensor.type)));
    const unsigned kind = kind_of(program, operand);
    if (kind != kColumns &&
        std::exchange(rows, value(tensor.shape[0])).value_or(value(tensor.shape[0])) != *rows)
      return refuse(op, "its tensors differ in rows");
    const int64_t width = kind == kRows ? 0 : value(tensor.shape.back());
    if (width && std::exchange(columns, width).value_or(width) != width)
      return refuse(op, "its tensors differ in columns");
    const std::string own = attribute(tensor.attributes, "layout").value_or("mma");
    if (kind == kRows) continue;
    if (any_tile && own != layout) return refuse(op, "its tiles and columns differ in layout");
    layout = own;
    any_tile = true;
  }
  return std::nullopt;
}

// d = a op b: what a and b have, d must have too.
std::optional<Rejection> check_broadcast(const Program& program, const Op& op) {
  const OpInfo& info = *find_op(op.name);
  if (info.operands.empty() || info.operands[0].access != Access::write ||
      op.operands[0].space != Space::register_)
    return std::nullopt;
  const unsigned result = kind_of(program, op.operands[0]);
  for (size_t i = 1; i < op.operands.size(); ++i) {
    const unsigned kind = kind_of(program, op.operands[i]);
    const bool is_register = kind == kTile || kind == kRows || kind == kColumns;
    if (is_register && kind != result && (result != kTile || i == 1))
      return refuse(op, fmt::format("operand {} must have the extents of the result", i + 1));
  }
  return std::nullopt;
}

std::optional<Rejection> check_declared_tiles(const Program& program, const Op& op) {
  for (const Operand& operand : op.operands) {
    if (operand.kind != Operand::Kind::tensor || operand.space == Space::global) continue;
    const Tensor& tensor = tensor_of(program, operand);
    if (operand.space == Space::register_ && tensor.shape.size() == 2 && value(tensor.shape[1]) % 8 != 0)
      return refuse(op, fmt::format("%{} has {} columns; register tiles take multiples of 8", tensor.name,
                                    value(tensor.shape[1])));
    if (attribute(tensor.attributes, "layout") == "vector" && value(tensor.shape.back()) % 32 != 0)
      return refuse(op, fmt::format("%{} has {} columns; layout=vector takes multiples of 32", tensor.name,
                                    value(tensor.shape.back())));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Rejection> check_shapes(const Program& program, const Op& op, const Target& target) {
  if (has_symbols(program, op)) return std::nullopt;
  if (auto rejection = check_declared_tiles(program, op)) return rejection;
  if (op.name == "mma") return check_mma(program, op, target);
  if (find_op(op.name)->group == Group::movement && op.name != "fill")
    if (auto rejection = check_copied_types(program, op)) return rejection;
  if (op.name == "copy" || op.name == "convert") return check_copy(program, op);
  if (!is_arithmetic_type(op)) return std::nullopt;
  if (auto rejection = check_registers(program, op)) return rejection;
  const bool elementwise = find_op(op.name)->operands.size() > 1 && !has_trait(op, kReduces);
  return elementwise ? check_broadcast(program, op) : std::nullopt;
}

}  // namespace warpfinch::lower
