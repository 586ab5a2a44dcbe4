// The kernel's signature, from the accesses to its params.
#include <algorithm>

#include "generator/emit/emit.hpp"
#include "generator/emit/names.hpp"
#include "generator/ir/ops.hpp"

namespace warpfinch::emit {

using namespace ir;

namespace {

const Operand& local_operand(const Op& op) {
  return op.operands[&op.operands[0] == &global_operand(op) ? 1 : 0];
}

void add(std::vector<KernelParameter>& used, const KernelParameter& parameter) {
  if (std::find(used.begin(), used.end(), parameter) == used.end()) used.push_back(parameter);
}

}  // namespace

bool is_tma(const Op& op) { return attribute(op.attributes, "via") == "tma"; }

KernelParameter parameter_of(const Program& program, const Op& op, const Target& target) {
  KernelParameter result{global_operand(op).name, is_tma(op)};
  if (!result.is_map) return result;
  const Operand& local = local_operand(op);
  const Tensor& tile = *find(program, Space::shared, local.name);
  result.swizzle = static_cast<int>(integer(tile.attributes, "swizzle", 128));
  result.box_columns = result.swizzle / size_of(tile.type);
  result.box_rows = static_cast<int>(slice_rows(local, value(tile.shape[0]), target) /
                                     integer(op.attributes, "multicast", 1));
  return result;
}

std::vector<KernelParameter> kernel_parameters(const Program& program, const Target& target) {
  std::vector<KernelParameter> used, ordered;
  walk(program.body, [&](const Op& op) {
    if (moves_tile(op)) return add(used, parameter_of(program, op, target));
    for (const Operand& operand : op.operands)
      if (operand.kind == Operand::Kind::tensor && operand.space == Space::global) add(used, {operand.name});
  });
  for (const Tensor& tensor : program.tensors) {
    if (tensor.space != Space::global) continue;
    for (bool map : {false, true})
      for (const KernelParameter& parameter : used)
        if (parameter.param == tensor.name && parameter.is_map == map) ordered.push_back(parameter);
  }
  return ordered;
}

}  // namespace warpfinch::emit
