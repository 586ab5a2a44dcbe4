// The generator's front door: problem + config + target → plan, through build, passes, verify and emit.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "generator/config.hpp"
#include "generator/plan.hpp"
#include "generator/problem.hpp"
#include "generator/result.hpp"

namespace warpfinch {

// Sees every stage of every kernel: kernel name ("gemm"), stage ("build", "tile", …), printed program.
using StageObserver =
    std::function<void(const std::string& kernel, const std::string& stage, const std::string& program)>;

// A Rejection carries the numbers that make the config impossible. Pure: same arguments, same bytes.
Expected<Plan> generate(const Problem& problem, const Config& config, const Target& target,
                        const StageObserver& observe = {});

// A plan of one kernel from a user's program text (.tir). A program without roles goes through the passes
// with its own attributes, a scheduled one straight to verify and emit. Error (input) for text that does not
// parse, with line and column; a Rejection for what the verifier refuses. Buffers are the params in order.
Expected<Plan> generate_program(std::string_view text, const Target& target,
                                const StageObserver& observe = {});

}  // namespace warpfinch
