// The passes: from the naive program to the scheduled one. Each is a free function in a file of its own that
// opens with what it requires and what it leaves true; the list below is the pipeline, read top to bottom.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "generator/ir/program.hpp"
#include "generator/result.hpp"
#include "generator/target.hpp"

namespace warpfinch::lower {

using Lowered = Expected<ir::Program>;

// Puts the named constants into every expression and folds.
Lowered tile(const ir::Program& program, const Target& target);
// Rotates the tile loop: the body's last mma runs one tile late, beside the softmax of the next one.
Lowered pipeline(const ir::Program& program, const Target& target);
// Splits a loop into the tiles that need no mask and those that do, or puts the mask ops under a branch.
Lowered split_mask(const ir::Program& program, const Target& target);
// Chooses TMA or ld/st for every copy, swizzles, and the staging of results.
Lowered copy_paths(const ir::Program& program, const Target& target);
// Divides the work between a producer warpgroup and the consumers; rings, register budgets.
Lowered roles(const ir::Program& program, const Target& target);
// Derives fences, commits and waits of the mma ops, and moves releases behind the waits that cover them.
Lowered synchronize(const ir::Program& program, const Target& target);
// Takes turns among the consumers around the issue of the mma ops.
Lowered pingpong(const ir::Program& program, const Target& target);
// Places tiles and barriers in shared memory.
Lowered allocate_shared(const ir::Program& program, const Target& target);
// Writes the walk over tiles as ops: axes, barriers, registers, claims and second tries.
Lowered walk_tiles(const ir::Program& program, const Target& target);

// Lets that are numbers vanish into the ops behind them.
void fold_lets(std::vector<ir::Op>& body);

struct Pass {
  std::string_view name;
  Lowered (*run)(const ir::Program&, const Target&);
};
const std::vector<Pass>& passes();

// A program before the walk over tiles is written out, and after it. Each op of `walked` has the line where
// `scheduled` is printed with what the op is made of.
struct LoweredProgram {
  ir::Program scheduled, walked;
};

// Runs every pass, the verifier after each, and shows each stage. A program that has roles already only gets
// its constants put in, its shared memory laid out and its walk written; a walked one only the first.
Expected<LoweredProgram> run_passes(ir::Program program, const Target& target,
                                    const std::function<void(std::string_view, const ir::Program&)>& observe);

// The verifier: what any program must fulfil, and more once roles stand. The Rejection's stage is "verify".
std::optional<Rejection> verify(const ir::Program& program, const Target& target);
// Has the program been divided into roles?
bool has_roles(const ir::Program& program);

}  // namespace warpfinch::lower
