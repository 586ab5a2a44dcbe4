// Attention as three kernels: scores = Q K^T (fp32), weights = softmax(scale * scores), O = weights V. Scores
// and weights lie in the workspace, rows padded to 16 bytes so that TMA can move them. In fp16 the weights
// are stored times 2^15, and the last product takes that out again: so those above 2^-29 keep all their bits,
// and those of a row with 65,000 equal keys are not lost.
#include "generator/builders.hpp"
#include "generator/operations.hpp"

namespace warpfinch {
namespace {

constexpr int64_t kWorkspaceAlignment = 256;

// The largest power of two that leaves a weight of 1 finite in fp16.
constexpr double kWeightFactor = 32768;

struct Workspace {
  Buffer scores, weights;
  int64_t weights_offset, bytes;
};

int64_t round_up(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

Workspace workspace(const AttentionFields& f) {
  const int64_t pitch = round_up(f.kv_len, 8);
  const std::vector<int64_t> shape{f.batch, f.q_heads, f.q_len, f.kv_len};
  const Strides strides{f.q_heads * f.q_len * pitch, f.q_len * pitch, pitch, 1};
  const int64_t elements = f.batch * strides[0];
  const int64_t offset = round_up(elements * size_of(DataType::fp32), kWorkspaceAlignment);
  Workspace result{{"scores", DataType::fp32, shape, strides, true, 16},
                   {"weights", f.dtype, shape, strides, true, 16},
                   offset,
                   offset + round_up(elements * size_of(f.dtype), kWorkspaceAlignment)};
  return result;
}

// [batch, head, row, column] seen as [batch * head, row, column]: the workspace is contiguous in its heads.
Buffer planes(const Buffer& buffer) {
  Buffer result = buffer;
  result.shape = {buffer.shape[0] * buffer.shape[1], buffer.shape[2], buffer.shape[3]};
  result.strides.erase(result.strides.begin());
  return result;
}

Buffer input(Buffer buffer) {
  buffer.output = false;
  return buffer;
}

}  // namespace

Config default_of(const AttentionThreeKernel&) { return {{GemmConfig{}, SoftmaxConfig{}, GemmConfig{}}}; }

std::vector<Problem> kernels_of(const AttentionThreeKernel& f) {
  Gemm scores{.batch = f.batch * f.q_heads,
              .m = f.q_len,
              .n = f.kv_len,
              .k = f.head_dim,
              .dtype = f.dtype,
              .output = DataType::fp32};
  Softmax weights{.batch = scores.batch,
                  .rows = f.q_len,
                  .columns = f.kv_len,
                  .dtype = DataType::fp32,
                  .mask = f.mask,
                  .scale = effective_scale(f)};
  Gemm values{.batch = scores.batch,
              .m = f.q_len,
              .n = effective_value_dim(f),
              .k = f.kv_len,
              .dtype = f.dtype,
              .output = f.dtype,
              .layout = GemmLayout::nn};
  return {scores, weights, values};
}

PlannedKernels build_of(const AttentionThreeKernel& f, const Config& config, const Target& target) {
  const std::vector<Buffer> user = buffers_of(f);  // q, k, v, o[, lse]
  const Workspace space = workspace(f);
  const BufferRef scores{-1, 0}, weights{-1, space.weights_offset};

  Matmul first{.kernel = "gemm_scores",
               .a = user[0],
               .b = user[1],
               .c = space.scores,
               .bias = {},
               .b_group = f.q_heads / f.kv_heads};
  const double factor = f.dtype == DataType::fp16 ? kWeightFactor : 1;
  RowSoftmax middle{.x = planes(input(space.scores)),
                    .y = planes(space.weights),
                    .lse = {},
                    .visible = band(f),
                    .scale = effective_scale(f),
                    .factor = factor};
  if (f.lse) {
    middle.lse = user[4];
    middle.lse.shape = {f.batch * f.q_heads, f.q_len};
    middle.lse.strides = {f.q_len, 1};
  }
  Matmul last{.kernel = "gemm_values",
              .a = input(space.weights),
              .b = user[2],
              .c = user[3],
              .bias = {},
              .b_transposed = false,
              .b_group = f.q_heads / f.kv_heads,
              .alpha = 1 / factor,
              .zeros_hide = band(f).first || band(f).last};

  PlannedKernels result;
  result.workspace_bytes = space.bytes;
  result.kernels.push_back(
      {build_matmul(first, std::get<GemmConfig>(config.kernels[0]), target), {{0, 0}, {1, 0}, scores}});
  result.kernels.push_back(
      {build_row_softmax(middle, std::get<SoftmaxConfig>(config.kernels[1]), target), {scores, weights}});
  if (f.lse) result.kernels.back().arguments.push_back({4, 0});
  result.kernels.push_back(
      {build_matmul(last, std::get<GemmConfig>(config.kernels[2]), target), {weights, {2, 0}, {3, 0}}});
  return result;
}

}  // namespace warpfinch
