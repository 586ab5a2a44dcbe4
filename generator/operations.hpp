// What an operation brings as a plan: the kernels that compute it, and their programs.
#pragma once

#include <concepts>
#include <vector>

#include "generator/builders.hpp"
#include "generator/config.hpp"
#include "generator/problem.hpp"
#include "generator/target.hpp"

namespace warpfinch {

// For each operation:
// - default_of: a config of the plan's kernels, each field at its default or at what fits;
// - kernels_of: the problem that each of them solves; not canonical, for sizes only;
// - build_of: their naive programs;
// - shrunk: a smaller problem of the same kind, for the emulator (shrink.hpp says what has to stay);
// and shape_of (shape.hpp), what decides whether a config is good for it.
Config default_of(const Gemm& gemm);
Config default_of(const Softmax& softmax);
Config default_of(const AttentionForward& attention);
Config default_of(const AttentionThreeKernel& attention);
std::vector<Problem> kernels_of(const Gemm& gemm);
std::vector<Problem> kernels_of(const Softmax& softmax);
std::vector<Problem> kernels_of(const AttentionForward& attention);
std::vector<Problem> kernels_of(const AttentionThreeKernel& attention);
PlannedKernels build_of(const Gemm& gemm, const Config& config, const Target& target);
PlannedKernels build_of(const Softmax& softmax, const Config& config, const Target& target);
PlannedKernels build_of(const AttentionForward& attention, const Config& config, const Target& target);
PlannedKernels build_of(const AttentionThreeKernel& attention, const Config& config, const Target& target);

Gemm shrunk(Gemm gemm, const Config& config);
Softmax shrunk(Softmax softmax, const Config& config);
AttentionForward shrunk(AttentionForward attention, const Config& config);
AttentionThreeKernel shrunk(AttentionThreeKernel attention, const Config& config);

}  // namespace warpfinch
