// What a program reads was written before, what it computes is stored, and slices and strides stay in bounds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "generator/fp32.hpp"
#include "generator/ir/ops.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/verify_rules.hpp"

namespace warpfinch::lower {

using namespace ir;

namespace {

// Does the body run at least once? Bounds that are symbols say nothing.
bool runs(const Op& op) {
  if (op.name != "for") return !is_branch(op);
  const Range& range = op.ranges[0];
  if (is_constant(range.begin) && is_constant(range.end)) return value(range.begin) < value(range.end);
  return has(op.attributes, "nonempty");
}

// Walks in order; `written` holds the register tensors that hold values.
std::optional<Rejection> check_block(const std::vector<Op>& body, std::set<std::string>& written) {
  for (const Op& op : body) {
    if (op.name == "role") written.clear();  // each role has registers of its own
    if (find_op(op.name)->group != Group::synchronisation) {
      const RegisterUse use = register_use(op);
      for (const std::string& name : use.reads)
        if (!written.contains(name))
          return refuse(op, fmt::format("reads %{}, which nothing has written yet", name));
      written.insert(use.writes.begin(), use.writes.end());
    }
    std::set<std::string> inside = written;
    if (auto rejection = check_block(op.body, inside)) return rejection;
    if (runs(op)) written = std::move(inside);
  }
  return std::nullopt;
}

std::string index_text(const Operand& operand) {
  std::string text;
  for (const Expr& index : operand.index) text += (text.empty() ? "" : ", ") + to_text(index);
  return text;
}

// Part `index` of equal ones of a tile that an mma takes: constant, or the warpgroup's.
std::optional<Rejection> check_part(const Program& program, const Op& op, size_t i, const Target& target) {
  const Operand& part = op.operands[i];
  const Tensor& tile = *find(program, Space::shared, part.name);
  const bool of_columns = part.index.size() == 2;
  for (const Operand& operand : op.operands)
    for (const Expr& extent : find(program, operand.space, operand.name)->shape)
      if (!is_constant(extent)) return std::nullopt;
  const FactorSlice slice = factor_slice(program, op, i, target);
  const int64_t all = value(tile.shape[of_columns]), own = of_columns ? slice.columns : slice.rows,
                parts = all / own;
  const Expr& which = part.index.back();
  const int64_t span = integer(tile.attributes, "swizzle", own * size_of(tile.type));
  if (of_columns && own * size_of(tile.type) % span != 0)
    return refuse(op, fmt::format("parts of {} columns cut the swizzle={} of ${}", own, span, part.name));
  if (all % own == 0 && (!is_constant(which) || (value(which) >= 0 && value(which) < parts)))
    return std::nullopt;
  return refuse(op, fmt::format("${} has {} {}, that is {} parts of {}; there is no part {}", part.name, all,
                                of_columns ? "columns" : "rows", parts, own, to_text(which)));
}

bool is_part(const Operand& operand, const char* unit) {
  const Expr& which = operand.index.back();
  return is_constant(which) || which == symbol(unit);
}

// How an mma slices a factor: by rows, `$k[part]`, or by columns, `$k[0, part]`, where these are rows or
// columns of the result and not what it sums over.
std::optional<Rejection> check_factor_slice(const Program& program, const Op& op, size_t i,
                                            const Target& target) {
  const Operand& operand = op.operands[i];
  const bool of_columns = operand.index.size() == 2;
  if (operand.index.size() > 2 || !is_part(operand, "warpgroup") ||
      (of_columns && !(operand.index[0] == Expr{0})))
    return refuse(op, fmt::format("${} is sliced by [{}]; an mma takes rows, ${}[warpgroup], or columns, "
                                  "${}[0, warpgroup]",
                                  operand.name, index_text(operand), operand.name, operand.name));
  if (of_columns && operand.transposed != (i == 1))
    return refuse(op, fmt::format("${} is sliced along what the product sums over", operand.name));
  return check_part(program, op, i, target);
}

// A slice of a shared tile is the warpgroup's 64 rows, for a TMA store the warp's 16, or, for an mma, a part
// of equal ones.
std::optional<Rejection> check_slices(const Program& program, const Op& op, const Target& target) {
  for (size_t i = 0; i < op.operands.size(); ++i) {
    const Operand& operand = op.operands[i];
    if (operand.kind != Operand::Kind::tensor || operand.space != Space::shared || operand.index.empty())
      continue;
    if (op.name == "mma") {
      if (auto rejection = check_factor_slice(program, op, i, target)) return rejection;
      continue;
    }
    const Expr unit = symbol(op.name == "store" ? "warp" : "warpgroup");
    if (operand.index.size() != 1 || !(operand.index[0] == unit))
      return refuse(op, fmt::format("${} is sliced by {}; here only ${}[{}] is", operand.name,
                                    index_text(operand), operand.name, unit.name));
  }
  return std::nullopt;
}

// Numbers are fp32 on the device; infinity is one that a program may ask for.
std::optional<Rejection> check_numbers(const Op& op) {
  for (const Operand& operand : op.operands)
    if (operand.kind == Operand::Kind::number && !std::isinf(operand.number) && !fits_fp32(operand.number))
      return refuse(op, fmt::format("{} is beyond fp32, where it would be {}", operand.number,
                                    static_cast<float>(operand.number)));
  return std::nullopt;
}

// Of a packed axis whole groups; never the columns of a tile, whose neighbours are reached by one stride.
std::optional<Rejection> check_packed(const Tensor& param) {
  const auto text = attribute(param.attributes, "packed");
  if (!text) return std::nullopt;
  const std::vector<int64_t> numbers = integer_list(*text);
  const auto rank = static_cast<int64_t>(param.shape.size());
  if (numbers.size() != 3 || numbers[0] < 0 || numbers[0] >= rank || numbers[1] < 1 ||
      value(param.shape[static_cast<size_t>(numbers[0])]) % numbers[1] != 0 || numbers[2] < 0 ||
      numbers[2] > int64_t{1} << 40)
    return Rejection{"verify",
                     fmt::format("@{}: packed={}: wants [axis,count,stride] with an axis below {}, a "
                                 "count that divides its extent, and a stride up to 2^40",
                                 param.name, *text, rank)};
  if (!has(param.attributes, "strides"))
    return Rejection{"verify", fmt::format("@{}: packed={} wants strides beside it", param.name, *text)};
  return std::nullopt;
}

// Two elements of a result at one address, and spans that no address can hold.
std::optional<Rejection> check_strides(const Tensor& param) {
  const auto text = attribute(param.attributes, "strides");
  if (!text) return std::nullopt;
  std::vector<std::pair<int64_t, int64_t>> dimensions;  // stride, extent
  const std::vector<int64_t> strides = integer_list(*text);
  for (size_t d = 0; d < strides.size(); ++d) {
    if (strides[d] < 0 || strides[d] > int64_t{1} << 40)
      return Rejection{"verify",
                       fmt::format("@{}: strides={}: each from 0 to 2^40 elements", param.name, *text)};
    const auto packed = packed_axis(param);
    const int64_t inner = packed && packed->axis == d ? packed->count : 1;
    const int64_t outer = value(param.shape[d]) / inner;
    if (inner > 1) dimensions.emplace_back(packed->stride, inner);
    if (outer > 1) dimensions.emplace_back(strides[d], outer);
  }
  std::sort(dimensions.begin(), dimensions.end());
  double span = 1;
  for (const auto& [stride, extent] : dimensions) {
    if (has(param.attributes, "out") && static_cast<double>(stride) < span)
      return Rejection{"verify",
                       fmt::format("@{} is `out`, but strides={} give two of its elements one address",
                                   param.name, *text)};
    span += static_cast<double>(stride) * static_cast<double>(extent - 1);
  }
  if (span > 0x1p58)
    return Rejection{"verify", fmt::format("@{}: strides={} span {:.3g} elements, the limit is 2^58",
                                           param.name, *text, span)};
  return std::nullopt;
}

}  // namespace

std::optional<Rejection> check_values(const Program& program, const Target& target) {
  for (const Tensor& tensor : program.tensors) {
    const bool known = std::all_of(tensor.shape.begin(), tensor.shape.end(), is_constant);
    if (tensor.space != Space::global || !known) continue;
    if (auto rejection = check_packed(tensor)) return rejection;
    if (auto rejection = check_strides(tensor)) return rejection;
  }
  std::set<std::string> written;
  if (auto rejection = check_block(program.body, written)) return rejection;
  std::optional<Rejection> found;
  bool stores = false;
  walk(program.body, [&](const Op& op) {
    stores |= op.name == "store";
    if (!found) found = check_slices(program, op, target);
    if (!found) found = check_numbers(op);
  });
  if (!found && !stores) return Rejection{"verify", fmt::format("kernel {} stores nothing", program.name)};
  return found;
}

}  // namespace warpfinch::lower
