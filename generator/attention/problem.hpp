// Attention as a problem, in its two forms: one fused kernel, or three kernels.
#pragma once

#include "generator/problem_parts.hpp"

namespace warpfinch {

// bshd: [batch, length, heads, dim]; bhsd: [batch, heads, length, dim].
enum class AttentionLayout { bshd, bhsd };
template <>
struct EnumNames<AttentionLayout> {
  static constexpr std::array<std::string_view, 2> names{"bshd", "bhsd"};
};

// What head_dim and value_dim may be: multiples of 16 are what an mma sums over, so none of them is padded.
inline constexpr std::array<int64_t, 8> kHeadDims{16, 32, 64, 80, 96, 128, 192, 256};

// The fields that the fused and the three-kernel form share. 0 stands for "follows from the others".
struct AttentionFields {
  int64_t batch = 1, q_heads = 1, kv_heads = 0, q_len = 0, kv_len = 0, head_dim = 0, value_dim = 0;
  DataType dtype = DataType::bf16;
  Mask mask = Mask::none;
  int64_t window_left = -1, window_right = -1;
  double scale = 0;
  AttentionLayout layout = AttentionLayout::bshd;
  Strides q_strides = {}, k_strides = {}, v_strides = {}, o_strides = {};  // [batch, head, row, column]
  bool lse = false;
  bool operator==(const AttentionFields&) const = default;
  static constexpr auto fields() {
    using F = AttentionFields;
    constexpr About<Strides> kStrides{
        .meaning = "elements from one to the next along batch, head, row and column",
        .follows = "contiguous in the layout"};
    return std::tuple{
        core("batch", &F::batch, {.meaning = "sequences"}),
        core("q_heads", &F::q_heads, {.meaning = "heads of q and o, a multiple of kv_heads"}),
        core("kv_heads", &F::kv_heads,
             {.meaning = "heads of k and v; query head h reads KV head h / (q_heads / kv_heads)",
              .follows = "q_heads"}),
        core("q_len", &F::q_len, {.meaning = "queries: rows of q and o"}),
        core("kv_len", &F::kv_len, {.meaning = "keys: rows of k and v", .follows = "q_len"}),
        core("head_dim", &F::head_dim, {.meaning = "columns of q and k", .values = kHeadDims}),
        optional("value_dim", &F::value_dim,
                 {.meaning = "columns of v and o", .follows = "head_dim", .values = kHeadDims}),
        core("dtype", &F::dtype, {.meaning = "type of q, k, v and o", .values = kFactorTypes}),
        core("mask", &F::mask,
             {.meaning = "causal: a query sees up to its own key, which for the last query is the last key; "
                         "causal_top_left: for the first query the first key"}),
        optional("window_left", &F::window_left,
                 {.meaning = "keys that a query sees before its own one, which is not counted; -1: all"}),
        optional("window_right", &F::window_right,
                 {.meaning = "keys that it sees behind its own one, where no mask hides them; -1: all"}),
        optional("scale", &F::scale, {.meaning = "factor of the scores", .follows = "1/sqrt(head_dim)"}),
        core("layout", &F::layout,
             {.meaning =
                  "order in memory: bshd is [batch, length, heads, dim], bhsd [batch, heads, length, dim]"}),
        optional("q_strides", &F::q_strides, kStrides),
        optional("k_strides", &F::k_strides, kStrides),
        optional("v_strides", &F::v_strides, kStrides),
        optional("o_strides", &F::o_strides, kStrides),
        optional("lse", &F::lse, {.meaning = "also writes the buffer lse"})};
  }
};

// One kernel, or two where a config splits the keys. A row that sees no key: O = 0, LSE = -inf.
struct AttentionForward : AttentionFields {
  static constexpr std::string_view kName = "attention_forward";
  static constexpr std::string_view kMeaning =
      "o = softmax(scale * q k^T) v for each query head, over the keys that mask and window let a query see";
  bool operator==(const AttentionForward&) const = default;
};

struct AttentionThreeKernel : AttentionFields {
  static constexpr std::string_view kName = "attention_three_kernel";
  static constexpr std::string_view kMeaning =
      "what attention_forward computes, by a gemm, a softmax and a gemm, which keep scores (fp32) and "
      "weights (dtype) in the workspace";
  bool operator==(const AttentionThreeKernel&) const = default;
};

// What mask and window let through.
Band band(const AttentionFields& fields);
// What fields that may be left out stand for. Strides: [batch, head, row, column], whatever the layout.
double effective_scale(const AttentionFields& fields);
int64_t effective_value_dim(const AttentionFields& fields);
Strides q_strides(const AttentionFields& fields);
Strides k_strides(const AttentionFields& fields);
Strides v_strides(const AttentionFields& fields);
Strides o_strides(const AttentionFields& fields);

// The parts that every operation has (generator/operation.hpp says what they are).
AttentionForward canonical_of(AttentionForward problem);
AttentionThreeKernel canonical_of(AttentionThreeKernel problem);
std::vector<Buffer> buffers_of(const AttentionFields& fields);
double flops_of(const AttentionFields& fields);
ProblemWords words_of(const AttentionForward& problem);
ProblemWords words_of(const AttentionThreeKernel& problem);
// The fields as they are printed.
AttentionForward printed_of(AttentionForward problem);
AttentionThreeKernel printed_of(AttentionThreeKernel problem);

}  // namespace warpfinch
