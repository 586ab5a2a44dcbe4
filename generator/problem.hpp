// What to compute. Each operation is a struct with its fields listed once, in its own folder; the canonical
// text is the operation's name and then the fields.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "generator/attention/problem.hpp"
#include "generator/gemm/problem.hpp"
#include "generator/softmax/problem.hpp"

namespace warpfinch {

// The list of operations.
using Problem = std::variant<Gemm, Softmax, AttentionForward, AttentionThreeKernel>;

// What an operation brings as a problem; generator/operations.hpp has what it brings as a plan.
template <class Operation>
concept ProblemParts = std::equality_comparable<Operation> && requires(const Operation& problem) {
  { Operation::kName } -> std::convertible_to<std::string_view>;
  { Operation::kMeaning } -> std::convertible_to<std::string_view>;
  Operation::fields();
  // What `canonical` promises. Besides, printed_of(problem) may leave out more of what is printed.
  { canonical_of(problem) } -> std::same_as<Operation>;
  { buffers_of(problem) } -> std::same_as<std::vector<Buffer>>;
  { flops_of(problem) } -> std::same_as<double>;
  { words_of(problem) } -> std::same_as<ProblemWords>;
};
template <class... Operations>
constexpr bool all_are_problems(const std::variant<Operations...>*) {
  return (ProblemParts<Operations> && ...);
}
static_assert(all_are_problems(static_cast<const Problem*>(nullptr)));

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

// The tensors that the caller provides, in launch order: a, b, c[, bias] · x, y · q, k, v, o[, lse].
// Shapes: a [batch, m, k], b [batch, n, k] (tn) or [batch, k, n] (nn), c [batch, m, n], bias [n];
// x and y [batch, rows, columns]; q and o [batch, q_heads, q_len, dim], k and v
// [batch, kv_heads, kv_len, dim] in this logical order with the layout in the strides; lse
// [batch, q_heads, q_len], contiguous.
std::vector<Buffer> buffers(const Problem& problem);
// Floating-point operations that the problem needs; masked-out work is not counted (causal: exact count of
// visible pairs). Attention: 2 * pairs * (head_dim + value_dim). Softmax: 5 per element.
double flops(const Problem& problem);
// Bytes that have to move through memory once: every input read, every output written. What a stride of 0
// repeats counts once.
double bytes(const Problem& problem);

}  // namespace warpfinch
