#include "generator/emit/headers.hpp"

#include <string>

#include "generator/emit/emit.hpp"
#include "generator/emit/templates.hpp"
#include "generator/emit/wgmma.hpp"
#include "generator/ir/ops.hpp"

namespace warpfinch::emit {

bool has_op(const ir::Program& program, std::string_view name) {
  bool found = false;
  ir::walk(program.body, [&](const ir::Op& op) { found |= op.name == name; });
  return found;
}

namespace {

std::vector<std::string> header_names(const ir::Program& program, const Target& target) {
  bool clusters = false;
  ir::walk(program.body, [&](const ir::Op& op) { clusters |= ir::has(op.attributes, "cluster"); });
  std::vector<std::string> names = {"types.cuh", "ptx.cuh", target.tma ? "sm90/ptx.cuh" : "sm80/ptx.cuh"};
  const auto append = [&](bool wanted, const char* name) {
    if (wanted) names.push_back(name);
  };
  names.insert(names.end(), {"tiles.cuh", "arithmetic.cuh", "row_shift.cuh", "softmax.cuh"});
  append(has_op(program, "raise_to_sum"), "raise_to_sum.cuh");
  append(has_op(program, "multiply_packed"), "multiply_packed.cuh");
  names.insert(names.end(), {"walk.cuh", "ring.cuh"});
  append(has_op(program, "claims"), "claim.cuh");
  append(has_op(program, "tile_lists"), "lists.cuh");
  append(has_op(program, "join_warpgroup"), "join.cuh");
  append(clusters && target.mma.asynchronous, "sm90/clustered.cuh");
  names.push_back("redo.cuh");
  names.push_back(target.mma.asynchronous ? "sm90/mma.cuh" : "sm80/mma.cuh");
  names.push_back("copy.cuh");
  append(target.tma, "sm90/tma.cuh");
  append(has_op(program, "recompute_rows") || has_op(program, "multiply_nonzeros"), "recompute.cuh");
  append(has_op(program, "publish_copies"), "cp_async.cuh");
  append(clusters, "sm90/cluster.cuh");
  return names;
}

}  // namespace

std::vector<Header> headers(const ir::Program& program, const Target& target) {
  std::vector<Header> result;
  for (const std::string& name : header_names(program, target))
    result.push_back({name, std::string(template_text(name))});
  if (!target.mma.asynchronous) return result;
  const auto forms = wgmma_forms(program);
  if (!forms.empty()) result.push_back({"wgmma.cuh", wgmma_header(forms)});
  return result;
}

}  // namespace warpfinch::emit
