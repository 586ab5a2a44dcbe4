// The pipeline, and the one place where passes are run, verified and shown.
#include "generator/lower/passes.hpp"

namespace warpfinch::lower {

const std::vector<Pass>& passes() {
  static const std::vector<Pass> list = {
      {"tile", tile},
      {"pipeline", pipeline},
      {"split_mask", split_mask},
      {"copy_paths", copy_paths},
      {"roles", roles},
      {"synchronize", synchronize},
      {"pingpong", pingpong},
      {"allocate_shared", allocate_shared},
  };
  return list;
}

bool has_roles(const ir::Program& program) {
  bool found = false;
  ir::walk(program.body, [&](const ir::Op& op) { found |= op.name == "role"; });
  return found;
}

Lowered run_passes(ir::Program program, const Target& target,
                   const std::function<void(std::string_view, const ir::Program&)>& observe) {
  const auto checked = [&](std::string_view stage) {
    if (observe) observe(stage, program);
    return verify(program, target);
  };
  if (auto rejection = checked("build")) return *rejection;
  const bool scheduled = has_roles(program);
  for (const Pass& pass : passes()) {
    if (scheduled && pass.run != tile && pass.run != allocate_shared) continue;
    Lowered next = pass.run(program, target);
    if (!next) return next.rejection();
    program = std::move(*next);
    if (auto rejection = checked(pass.name)) return *rejection;
  }
  return program;
}

}  // namespace warpfinch::lower
