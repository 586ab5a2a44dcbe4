// What to compute. Each operation is a struct with its fields listed once; the canonical text is the
// operation's name and then the fields.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "generator/fields.hpp"
#include "generator/plan.hpp"

namespace warpfinch {

// Which keys a query sees. causal: aligned to the bottom-right corner, key j is visible to row i when
// j <= i + kv_len - q_len. causal_top_left: when j <= i.
enum class Mask { none, causal, causal_top_left };
template <>
struct EnumNames<Mask> {
  static constexpr std::array<std::string_view, 3> names{"none", "causal", "causal_top_left"};
};

// Which columns of a plane a row sees, as a band along its diagonal: row i sees the columns i + first .. i +
// last that exist. Without a value there is no limit on that side; first is at most last.
struct Band {
  std::optional<int64_t> first = {}, last = {};
  bool operator==(const Band&) const = default;
};
Band band(Mask mask, int64_t rows, int64_t columns);

// bshd: [batch, length, heads, dim]; bhsd: [batch, heads, length, dim].
enum class AttentionLayout { bshd, bhsd };
template <>
struct EnumNames<AttentionLayout> {
  static constexpr std::array<std::string_view, 2> names{"bshd", "bhsd"};
};

// tn: A [m,k], B [n,k], both contiguous in k. nn: B [k,n].
enum class GemmLayout { tn, nn };
template <>
struct EnumNames<GemmLayout> {
  static constexpr std::array<std::string_view, 2> names{"tn", "nn"};
};

// What head_dim and value_dim may be: multiples of 16 are what an mma sums over, so none of them is padded.
inline constexpr std::array<int64_t, 8> kHeadDims{16, 32, 64, 80, 96, 128, 192, 256};

enum class Epilogue { none, bias, bias_gelu };
template <>
struct EnumNames<Epilogue> {
  static constexpr std::array<std::string_view, 3> names{"none", "bias", "bias_gelu"};
};

// C[b] = epilogue(alpha * op(A[b]) * op(B[b])); bias is [n] in `dtype`; gelu is the exact one (erf).
struct Gemm {
  static constexpr std::string_view kName = "gemm";
  int64_t batch = 1, m = 0, n = 0, k = 0;
  DataType dtype = DataType::bf16, output = DataType::bf16;
  GemmLayout layout = GemmLayout::tn;
  Epilogue epilogue = Epilogue::none;
  double alpha = 1.0;
  Strides a_strides = {}, b_strides = {}, c_strides = {};  // [batch, row, column]; empty: contiguous
  bool operator==(const Gemm&) const = default;
  static constexpr auto fields() {
    return std::tuple{core("batch", &Gemm::batch),
                      core("m", &Gemm::m),
                      core("n", &Gemm::n),
                      core("k", &Gemm::k),
                      core("dtype", &Gemm::dtype),
                      core("output", &Gemm::output),
                      core("layout", &Gemm::layout),
                      core("epilogue", &Gemm::epilogue),
                      optional("alpha", &Gemm::alpha),
                      optional("a_strides", &Gemm::a_strides),
                      optional("b_strides", &Gemm::b_strides),
                      optional("c_strides", &Gemm::c_strides)};
  }
};

// y[b, i, :] = softmax(scale * x[b, i, :]) over `columns`, with the mask applied to [rows, columns].
struct Softmax {
  static constexpr std::string_view kName = "softmax";
  int64_t batch = 1, rows = 0, columns = 0;
  DataType dtype = DataType::bf16;
  Mask mask = Mask::none;
  double scale = 1.0;
  bool operator==(const Softmax&) const = default;
  static constexpr auto fields() {
    return std::tuple{optional("batch", &Softmax::batch), core("rows", &Softmax::rows),
                      core("columns", &Softmax::columns), core("dtype", &Softmax::dtype),
                      optional("mask", &Softmax::mask),   optional("scale", &Softmax::scale)};
  }
};

// The fields that the fused and the three-kernel form share. 0 stands for "follows from the others":
// kv_heads = q_heads, kv_len = q_len, value_dim = head_dim, scale = 1/sqrt(head_dim).
struct AttentionFields {
  int64_t batch = 1, q_heads = 1, kv_heads = 0, q_len = 0, kv_len = 0, head_dim = 0, value_dim = 0;
  DataType dtype = DataType::bf16;
  Mask mask = Mask::none;
  // So many keys beside the one on the mask's diagonal (bottom-right without a mask); -1: unlimited.
  int64_t window_left = -1, window_right = -1;
  double scale = 0;
  AttentionLayout layout = AttentionLayout::bshd;
  Strides q_strides = {}, k_strides = {}, v_strides = {}, o_strides = {};  // [batch, head, row, column]
  bool lse = false;  // also write the natural logarithm of the row sums, fp32 [batch, q_heads, q_len]
  bool operator==(const AttentionFields&) const = default;
};

template <class Derived>
constexpr auto attention_fields() {
  using D = Derived;
  return std::tuple{core("batch", &D::batch),
                    core("q_heads", &D::q_heads),
                    core("kv_heads", &D::kv_heads),
                    core("q_len", &D::q_len),
                    core("kv_len", &D::kv_len),
                    core("head_dim", &D::head_dim),
                    optional("value_dim", &D::value_dim),
                    core("dtype", &D::dtype),
                    core("mask", &D::mask),
                    optional("window_left", &D::window_left),
                    optional("window_right", &D::window_right),
                    optional("scale", &D::scale),
                    core("layout", &D::layout),
                    optional("q_strides", &D::q_strides),
                    optional("k_strides", &D::k_strides),
                    optional("v_strides", &D::v_strides),
                    optional("o_strides", &D::o_strides),
                    optional("lse", &D::lse)};
}

// O = softmax(scale * Q K^T + mask) V, one kernel. A row with no visible key: O = 0, LSE = -inf.
struct AttentionForward : AttentionFields {
  static constexpr std::string_view kName = "attention_forward";
  bool operator==(const AttentionForward&) const = default;
  static constexpr auto fields() { return attention_fields<AttentionFields>(); }
};

// The same as a gemm, a softmax and a gemm, with the scores in a workspace.
struct AttentionThreeKernel : AttentionFields {
  static constexpr std::string_view kName = "attention_three_kernel";
  bool operator==(const AttentionThreeKernel&) const = default;
  static constexpr auto fields() { return attention_fields<AttentionFields>(); }
};

using Problem = std::variant<Gemm, Softmax, AttentionForward, AttentionThreeKernel>;

// Reads the text, fills in what follows from other fields, checks it. Error (input) names key and value.
// A scale must be above 0: the kernels take the maximum of the unscaled scores.
Problem parse_problem(std::string_view text);
// The canonical text; parse_problem(to_text(p)) == p for every p that parse_problem or canonical() gave.
std::string to_text(const Problem& problem);
// Fields that follow from others filled in (kv_heads, kv_len, value_dim); a scale or strides that equal their
// default are kept as "follows" (0, empty), a window's edge that hides nothing as -1, and a window that ends
// on the diagonal as mask=causal, so that two texts of one problem give one value. Checks like parse_problem:
// this is the door for problems that code puts together.
Problem canonical(const Problem& problem);
// The operation's name, "gemm" ….
std::string_view operation(const Problem& problem);
// The attention fields of either form, or nullptr.
const AttentionFields* attention(const Problem& problem);

// What mask and window let through.
Band band(const AttentionFields& fields);

// What fields that may be left out stand for. Strides come in the order that the field documents, whatever
// the layout: [batch, head, row, column] for attention, [batch, row, column] for gemm.
double effective_scale(const AttentionFields& fields);
int64_t effective_value_dim(const AttentionFields& fields);
Strides q_strides(const AttentionFields& fields);
Strides k_strides(const AttentionFields& fields);
Strides v_strides(const AttentionFields& fields);
Strides o_strides(const AttentionFields& fields);
Strides a_strides(const Gemm& gemm);
Strides b_strides(const Gemm& gemm);
Strides c_strides(const Gemm& gemm);

// The tensors that the caller provides, in launch order: a, b, c[, bias] · x, y · q, k, v, o[, lse].
// Shapes: a [batch, m, k], b [batch, n, k] (tn) or [batch, k, n] (nn), c [batch, m, n], bias [n];
// x and y [batch, rows, columns]; q and o [batch, q_heads, q_len, dim], k and v
// [batch, kv_heads, kv_len, dim] in this logical order with the layout in the strides; lse
// [batch, q_heads, q_len], contiguous.
std::vector<Buffer> buffers(const Problem& problem);
// (Row, column) pairs of one [rows, columns] plane that the band lets through.
int64_t visible_pairs(const Band& band, int64_t rows, int64_t columns);
// Floating-point operations that the problem needs; masked-out work is not counted (causal: exact count of
// visible pairs). Attention: 2 * pairs * (head_dim + value_dim). Softmax: 5 per element.
double flops(const Problem& problem);
// Bytes that have to move through memory once: every input read, every output written. What a stride of 0
// repeats counts once.
double bytes(const Problem& problem);

// Contiguous strides of a shape.
Strides contiguous(const std::vector<int64_t>& shape);

}  // namespace warpfinch
