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

// What an mma multiplies.
inline constexpr std::array kFactorTypes{DataType::bf16, DataType::fp16};
// What head_dim and value_dim may be: multiples of 16 are what an mma sums over, so none of them is padded.
inline constexpr std::array<int64_t, 8> kHeadDims{16, 32, 64, 80, 96, 128, 192, 256};

enum class Epilogue { none, bias, bias_gelu };
template <>
struct EnumNames<Epilogue> {
  static constexpr std::array<std::string_view, 3> names{"none", "bias", "bias_gelu"};
};

struct Gemm {
  static constexpr std::string_view kName = "gemm";
  static constexpr std::string_view kMeaning =
      "c = epilogue(alpha * a * b) for each matrix of the batch, summed in fp32";
  int64_t batch = 1, m = 0, n = 0, k = 0;
  DataType dtype = DataType::bf16, output = DataType::bf16;
  GemmLayout layout = GemmLayout::tn;
  Epilogue epilogue = Epilogue::none;
  double alpha = 1.0;
  Strides a_strides = {}, b_strides = {}, c_strides = {};  // [batch, row, column]; empty: contiguous
  bool operator==(const Gemm&) const = default;
  static constexpr auto fields() {
    constexpr About<Strides> kStrides{.meaning = "elements from one to the next along batch, row and column",
                                      .follows = "contiguous"};
    return std::tuple{
        core("batch", &Gemm::batch, {.meaning = "matrices of a, of b and of c"}),
        core("m", &Gemm::m, {.meaning = "rows of a and c"}),
        core("n", &Gemm::n, {.meaning = "columns of c"}),
        core("k", &Gemm::k, {.meaning = "columns of a, which are summed over"}),
        core("dtype", &Gemm::dtype, {.meaning = "type of a, b and bias", .values = kFactorTypes}),
        core("output", &Gemm::output, {.meaning = "type of c"}),
        core("layout", &Gemm::layout, {.meaning = "tn: b is [batch, n, k]; nn: b is [batch, k, n]"}),
        core("epilogue", &Gemm::epilogue,
             {.meaning =
                  "bias: adds bias[n] to every row; bias_gelu: and takes the exact gelu (by erf) of that"}),
        optional("alpha", &Gemm::alpha, {.meaning = "factor of the product"}),
        optional("a_strides", &Gemm::a_strides, kStrides),
        optional("b_strides", &Gemm::b_strides, kStrides),
        optional("c_strides", &Gemm::c_strides, kStrides)};
  }
};

struct Softmax {
  static constexpr std::string_view kName = "softmax";
  static constexpr std::string_view kMeaning =
      "y = softmax(scale * x) along each row, over the columns that the mask lets the row see; 0 elsewhere";
  int64_t batch = 1, rows = 0, columns = 0;
  DataType dtype = DataType::bf16;
  Mask mask = Mask::none;
  double scale = 1.0;
  bool operator==(const Softmax&) const = default;
  static constexpr auto fields() {
    return std::tuple{
        optional("batch", &Softmax::batch, {.meaning = "planes of rows and columns"}),
        core("rows", &Softmax::rows, {.meaning = "rows of a plane"}),
        core("columns", &Softmax::columns, {.meaning = "columns of a plane, which are summed over"}),
        core("dtype", &Softmax::dtype, {.meaning = "type of x and y"}),
        optional("mask", &Softmax::mask,
                 {.meaning = "causal: a row sees up to its own column, which for the last row is the last; "
                             "causal_top_left: for the first row the first"}),
        optional("scale", &Softmax::scale, {.meaning = "factor of x"})};
  }
};

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
