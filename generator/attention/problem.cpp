// Attention in both forms: what makes it canonical, its tensors, its work, and the words that the page for
// users has of it.
#include "generator/attention/problem.hpp"

#include <algorithm>
#include <cmath>

#include "generator/problem_checks.hpp"

namespace warpfinch {
namespace {

int64_t kv_heads(const AttentionFields& fields) { return fields.kv_heads ? fields.kv_heads : fields.q_heads; }
int64_t kv_len(const AttentionFields& fields) { return fields.kv_len ? fields.kv_len : fields.q_len; }

// [batch, head, row, column] strides of a tensor that is contiguous in the layout's own order.
Strides layout_strides(AttentionLayout layout, int64_t heads, int64_t length, int64_t dim) {
  if (layout == AttentionLayout::bhsd) return {heads * length * dim, length * dim, dim, 1};
  return {length * heads * dim, dim, heads * dim, 1};
}

}  // namespace

double effective_scale(const AttentionFields& fields) {
  return fields.scale != 0 ? fields.scale : 1.0 / std::sqrt(static_cast<double>(fields.head_dim));
}

int64_t effective_value_dim(const AttentionFields& fields) {
  return fields.value_dim != 0 ? fields.value_dim : fields.head_dim;
}

Strides q_strides(const AttentionFields& f) {
  return given_or(f.q_strides, layout_strides(f.layout, f.q_heads, f.q_len, f.head_dim));
}
Strides k_strides(const AttentionFields& f) {
  return given_or(f.k_strides, layout_strides(f.layout, kv_heads(f), kv_len(f), f.head_dim));
}
Strides v_strides(const AttentionFields& f) {
  return given_or(f.v_strides, layout_strides(f.layout, kv_heads(f), kv_len(f), effective_value_dim(f)));
}
Strides o_strides(const AttentionFields& f) {
  return given_or(f.o_strides, layout_strides(f.layout, f.q_heads, f.q_len, effective_value_dim(f)));
}

Band band(const AttentionFields& f) {
  Band result = band(f.mask, f.q_len, kv_len(f));
  const int64_t diagonal = f.mask == Mask::causal_top_left ? 0 : kv_len(f) - f.q_len;
  if (f.window_left >= 0) result.first = diagonal - f.window_left;
  if (f.window_right >= 0) result.last = std::min(diagonal + f.window_right, result.last.value_or(INT64_MAX));
  return result;
}

namespace {

template <class Operation>
void check_attention(const Operation& f) {
  if (f.q_heads % f.kv_heads != 0)
    refuse<Operation>(fmt::format("q_heads={} is not a multiple of kv_heads={}", f.q_heads, f.kv_heads));
  check_values(f);
  for (auto [name, window] : {std::pair{"left", f.window_left}, std::pair{"right", f.window_right}})
    if (window < -1 || window >= kDimensionLimit)
      refuse<Operation>(fmt::format("window_{}={}: must be -1 (no limit) or a number of keys below {}", name,
                                    window, kDimensionLimit));
  check_scale<Operation>(effective_scale(f));
  check_volume<Operation>("q", {f.batch, f.q_heads, f.q_len, std::max(f.head_dim, f.value_dim)},
                          size_of(f.dtype));
  check_volume<Operation>("k", {f.batch, f.kv_heads, f.kv_len, std::max(f.head_dim, f.value_dim)},
                          size_of(f.dtype));
  if constexpr (std::is_same_v<Operation, AttentionThreeKernel>)
    check_volume<Operation>("the matrix of scores", {f.batch, f.q_heads, f.q_len, f.kv_len}, 4);
}

// An edge of the window is dropped where it hides nothing, or nothing that the mask does not hide already.
void simplify_window(AttentionFields& f) {
  if (f.mask == Mask::none && f.window_right == 0) f.mask = Mask::causal;
  if (f.mask != Mask::none) f.window_right = -1;
  const Band visible = band(f);
  if (visible.last && *visible.last >= f.kv_len - 1 && f.mask == Mask::none) f.window_right = -1;
  if (visible.first && f.q_len - 1 + *visible.first <= 0) f.window_left = -1;
}

template <class Operation>
Operation canonical_attention(Operation f) {
  if (f.kv_heads == 0) f.kv_heads = f.q_heads;
  if (f.kv_len == 0) f.kv_len = f.q_len;
  if (f.value_dim == 0) f.value_dim = f.head_dim;
  check_sizes(f);
  check_attention(f);
  simplify_window(f);
  Operation packed = f;
  packed.scale = 0;
  packed.q_strides = packed.k_strides = packed.v_strides = packed.o_strides = {};
  for (auto [name, strides] :
       {std::pair{"q", &f.q_strides}, {"k", &f.k_strides}, {"v", &f.v_strides}, {"o", &f.o_strides}})
    check_stride_count<Operation>(name, *strides, 4, "batch,head,row,column");
  for (const Buffer& buffer : buffers_of(f)) check_strides<Operation>(buffer);
  // The kernels multiply in fp32: 1/sqrt(128) and 128^-0.5, one ulp of double apart, are the same problem.
  if (static_cast<float>(f.scale) == static_cast<float>(effective_scale(packed))) f.scale = 0;
  clear_if_default(f.q_strides, q_strides(packed));
  clear_if_default(f.k_strides, k_strides(packed));
  clear_if_default(f.v_strides, v_strides(packed));
  clear_if_default(f.o_strides, o_strides(packed));
  return f;
}

template <class Operation>
Operation printed(Operation f) {
  if (f.value_dim == f.head_dim) f.value_dim = 0;
  return f;
}

}  // namespace

AttentionForward canonical_of(AttentionForward problem) { return canonical_attention(problem); }
AttentionThreeKernel canonical_of(AttentionThreeKernel problem) { return canonical_attention(problem); }
AttentionForward printed_of(AttentionForward problem) { return printed(problem); }
AttentionThreeKernel printed_of(AttentionThreeKernel problem) { return printed(problem); }

std::vector<Buffer> buffers_of(const AttentionFields& f) {
  const std::vector<int64_t> q{f.batch, f.q_heads, f.q_len, f.head_dim};
  const std::vector<int64_t> k{f.batch, kv_heads(f), kv_len(f), f.head_dim};
  const std::vector<int64_t> v{f.batch, kv_heads(f), kv_len(f), effective_value_dim(f)};
  const std::vector<int64_t> o{f.batch, f.q_heads, f.q_len, effective_value_dim(f)};
  std::vector<Buffer> result{
      {.name = "q", .type = f.dtype, .shape = q, .strides = q_strides(f)},
      {.name = "k", .type = f.dtype, .shape = k, .strides = k_strides(f)},
      {.name = "v", .type = f.dtype, .shape = v, .strides = v_strides(f)},
      {.name = "o", .type = f.dtype, .shape = o, .strides = o_strides(f), .output = true}};
  const std::vector<int64_t> lse{f.batch, f.q_heads, f.q_len};
  if (f.lse)
    result.push_back(
        {.name = "lse", .type = DataType::fp32, .shape = lse, .strides = contiguous(lse), .output = true});
  return result;
}

double flops_of(const AttentionFields& f) {
  return 2.0 * static_cast<double>(f.batch) * static_cast<double>(f.q_heads) *
         static_cast<double>(visible_pairs(band(f), f.q_len, kv_len(f))) *
         static_cast<double>(f.head_dim + effective_value_dim(f));
}

ProblemWords words_of(const AttentionForward&) {
  return {
      {{"q", "queries"},
       {"k", "keys"},
       {"v", "values"},
       {"o", "the mean of the values that a query sees, weighed by exp(scale * q k); 0 where it sees no key"},
       {"lse",
        "with lse=true: the natural logarithm of the sum of exp(scale * q k) over the keys that a query "
        "sees; -inf where it sees no key"}},
      "o: about u (|o| + 2 Σ p |v|), the rounding of o and of the weights p, and what fp32 sums of the "
      "scores "
      "leave open; lse: the rounding of its steps in fp32 (runtime/error_bounds.hpp derives both). A "
      "config with scale_q=true rounds q once more and may be further off",
      "What lies at a key that a query does not see never reaches its row. A NaN or an infinite score in a "
      "row makes the row's o and lse NaN, but a score of -inf weighs 0; a NaN or an infinity in v makes its "
      "column of o NaN or infinite in the rows that see the key.",
      "attention_forward batch=2 q_heads=6 kv_heads=3 q_len=5 kv_len=7 head_dim=64 value_dim=128 dtype=fp16 "
      "lse=true"};
}

ProblemWords words_of(const AttentionThreeKernel&) {
  ProblemWords words = words_of(AttentionForward{});
  words.sample =
      "attention_three_kernel batch=2 q_heads=6 kv_heads=3 q_len=5 kv_len=7 head_dim=64 value_dim=128 "
      "dtype=fp16 lse=true";
  words.tables_of = AttentionForward::kName;
  return words;
}

}  // namespace warpfinch
