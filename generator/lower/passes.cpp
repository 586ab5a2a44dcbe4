// The pipeline, and the one place where passes are run, verified and shown.
#include "generator/lower/passes.hpp"

#include "generator/lower/walk.hpp"

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
      {"walk", walk_tiles},
  };
  return list;
}

bool has_roles(const ir::Program& program) {
  bool found = false;
  ir::walk(program.body, [&](const ir::Op& op) { found |= op.name == "role"; });
  return found;
}

namespace {

// Is there something for the pass to do? Users bring programs that are scheduled, and walked ones.
bool wants(const ir::Program& program, const Pass& pass, bool scheduled) {
  if (pass.run == tile) return true;
  if (is_walked(program)) return false;
  return !scheduled || pass.run == allocate_shared || pass.run == walk_tiles;
}

}  // namespace

Expected<LoweredProgram> run_passes(
    ir::Program program, const Target& target,
    const std::function<void(std::string_view, const ir::Program&)>& observe) {
  const auto checked = [&](std::string_view stage) {
    if (observe) observe(stage, program);
    return verify(program, target);
  };
  if (auto rejection = checked("build")) return *rejection;
  const bool has_schedule = has_roles(program);
  ir::Program scheduled;
  for (const Pass& pass : passes()) {
    if (pass.run == walk_tiles) {
      ir::number_lines(program);
      scheduled = program;
    }
    if (!wants(program, pass, has_schedule)) continue;
    Lowered next = pass.run(program, target);
    if (!next) return next.rejection();
    program = std::move(*next);
    if (auto rejection = checked(pass.name)) return *rejection;
  }
  return LoweredProgram{std::move(scheduled), std::move(program)};
}

}  // namespace warpfinch::lower
