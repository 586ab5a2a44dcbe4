// Problem + config → the naive programs of its plan.
#include "generator/builders.hpp"

namespace warpfinch {

PlannedKernels build_attention(const AttentionFields& fields, const AttentionConfig& config,
                               const Target& target);
PlannedKernels build_three_kernel(const AttentionFields& fields, const Config& config, const Target& target);

namespace {

// A plan of one kernel whose params are the problem's buffers, in order.
PlannedKernels single(ir::Program program, size_t buffer_count) {
  PlannedKernels result;
  result.kernels.push_back({std::move(program), {}});
  for (size_t i = 0; i < buffer_count; ++i) result.kernels[0].arguments.push_back({static_cast<int>(i), 0});
  return result;
}

PlannedKernels build(const Gemm& gemm, const Config& config, const Target& target) {
  const std::vector<Buffer> user = buffers(gemm);
  Matmul matmul{.kernel = "gemm",
                .a = user[0],
                .b = user[1],
                .c = user[2],
                .bias = {},
                .b_transposed = gemm.layout == GemmLayout::tn,
                .epilogue = gemm.epilogue,
                .alpha = gemm.alpha};
  if (gemm.epilogue != Epilogue::none) matmul.bias = user[3];
  return single(build_matmul(matmul, std::get<GemmConfig>(config.kernels[0]), target), user.size());
}

PlannedKernels build(const Softmax& softmax, const Config& config, const Target& target) {
  const std::vector<Buffer> user = buffers(softmax);
  const RowSoftmax rows{.x = user[0],
                        .y = user[1],
                        .lse = {},
                        .visible = band(softmax.mask, softmax.rows, softmax.columns),
                        .scale = softmax.scale};
  return single(build_row_softmax(rows, std::get<SoftmaxConfig>(config.kernels[0]), target), user.size());
}

PlannedKernels build(const AttentionForward& fields, const Config& config, const Target& target) {
  return build_attention(fields, std::get<AttentionConfig>(config.kernels[0]), target);
}

PlannedKernels build(const AttentionThreeKernel& fields, const Config& config, const Target& target) {
  return build_three_kernel(fields, config, target);
}

}  // namespace

PlannedKernels build(const Problem& problem, const Config& config, const Target& target) {
  return std::visit([&](const auto& concrete) { return build(concrete, config, target); }, problem);
}

}  // namespace warpfinch
