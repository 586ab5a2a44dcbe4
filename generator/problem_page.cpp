// Fields, shapes, types and pictures come from where they are described for the code, so that they cannot be
// out of date; what stands here are the words for buffers, exactness and what is no number.
#include "generator/problem_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "generator/fp32.hpp"
#include "generator/markdown.hpp"
#include "generator/problem.hpp"

namespace warpfinch {
namespace {

// Words of an operation that no field says.
struct Words {
  std::string_view operation;
  std::vector<std::pair<std::string_view, std::string_view>> buffers;  // name, what it holds
  std::string_view bound;                                              // as runtime/accuracy.hpp derives it
  std::string_view not_finite;
  std::string_view tables_of = {};  // the operation whose fields and buffers it has
};

const std::vector<Words>& words() {
  static const Words attention{
      "attention_forward",
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
      "column of o NaN or infinite in the rows that see the key."};
  static const std::vector<Words> rows = {
      {"gemm",
       {{"a", "the first factor"},
        {"b", "the second factor, transposed with layout=tn"},
        {"c", "the result"},
        {"bias", "with epilogue=bias or bias_gelu: what is added to every row"}},
       "half a unit of c in its type, and k 2^-24 |alpha| Σ |a| |b| or so for fp32 sums; times its slope "
       "with "
       "gelu (runtime/error_bounds.hpp derives it)",
       "A NaN or an infinity in a reaches its row of c, one in b its column, also with alpha=0; sums beyond "
       "fp32 are infinite."},
      {"softmax",
       {{"x", "scores"}, {"y", "weights: 0 to 1, which sum to 1 in each row that sees a column"}},
       "16-bit y: 4u y; fp32: (2^-20 + 2^-21 max |scale x|) y",
       "What lies at a column that a row does not see never reaches the row. A NaN or +inf makes its row "
       "NaN; -inf weighs 0, and a row of nothing else is 0."},
      attention,
      {"attention_three_kernel", {}, attention.bound, attention.not_finite, attention.operation}};
  return rows;
}

// --- tables -------------------------------------------------------------------------------------------
template <class Struct, class Value>
std::string otherwise(const Field<Struct, Value>& field) {
  if (!field.about.follows.empty()) return std::string(field.about.follows);
  const Value value = Struct{}.*field.member;
  if constexpr (std::is_same_v<Value, int64_t>)
    if (value == 0) return "must be given";
  return value_to_text(value);
}

template <class Operation>
std::string field_table() {
  std::string text = table_head({"field", "value", "default", "meaning"});
  for_each_field<Operation>([&](const auto& field) {
    text += table_row(
        {std::string(field.name), wanted_by(field), otherwise(field), std::string(field.about.meaning)});
  });
  return text;
}

// Of a sample whose sizes are all different each number has one name: the field that holds it. `otherwise`:
// where none does.
template <class Operation, class Value>
std::string name_of(const Operation& operation, const Value& value, std::string_view otherwise) {
  std::string_view name = otherwise;
  for_each_field<Operation>([&](const auto& field) {
    if constexpr (std::is_same_v<std::decay_t<decltype(operation.*field.member)>, Value>)
      if (operation.*field.member == value) name = field.name;
  });
  return std::string(name);
}

template <class Operation>
std::string shape_of(const Operation& operation, const Buffer& buffer) {
  std::vector<std::string> names;
  for (const int64_t extent : buffer.shape)
    names.push_back(name_of(operation, extent, number_to_text(extent)));
  return fmt::format("[{}]", fmt::join(names, ", "));
}

template <class Operation>
std::string buffer_table(const Operation& operation, const Words& words) {
  std::string text = table_head({"buffer", "shape", "type", "what it holds"});
  for (const Buffer& buffer : buffers(operation)) {
    const auto known = std::find_if(words.buffers.begin(), words.buffers.end(),
                                    [&](const auto& row) { return row.first == buffer.name; });
    assert(known != words.buffers.end());
    text += table_row({buffer.name + (buffer.output ? " (written)" : ""), shape_of(operation, buffer),
                       name_of(operation, buffer.type, to_text(buffer.type)), std::string(known->second)});
  }
  return text;
}

template <class Operation>
std::string section(const Operation& operation) {
  const auto known = std::find_if(words().begin(), words().end(),
                                  [](const Words& row) { return row.operation == Operation::kName; });
  assert(known != words().end());
  const std::string tables = known->tables_of.empty()
                                 ? field_table<Operation>() + "\n" + buffer_table(operation, *known)
                                 : fmt::format("Fields and buffers are those of {}.\n", known->tables_of);
  return fmt::format("## {}\n\n{}.\n\n{}\nLargest error: {}.\n\nNaN and infinity: {}\n\n", Operation::kName,
                     Operation::kMeaning, tables, known->bound, known->not_finite);
}

// --- masks --------------------------------------------------------------------------------------------
// A query's keys, one character each: its own one, those that it sees, those that it does not.
std::string keys_of(const AttentionFields& fields, int64_t query) {
  const Band seen = band(fields);
  const int64_t own = query + (fields.mask == Mask::causal_top_left ? 0 : fields.kv_len - fields.q_len);
  std::string text = fmt::format("q{}", query);
  for (int64_t key = 0; key < fields.kv_len; ++key) {
    const bool visible =
        (!seen.first || key >= query + *seen.first) && (!seen.last || key <= query + *seen.last);
    text += key == own ? " O" : visible ? " x" : " .";
  }
  return text;
}

// Pictures beside each other.
std::string pictures(const std::vector<std::string>& masks) {
  std::vector<std::string> lines(5);
  for (const std::string& mask : masks) {
    const Problem problem = parse_problem("attention_forward q_len=4 kv_len=6 head_dim=16 " + mask);
    lines[0] += fmt::format("{:<32}", mask);
    for (int64_t query = 0; query < 4; ++query)
      lines[static_cast<size_t>(query) + 1] += fmt::format("{:<32}", keys_of(*attention(problem), query));
  }
  std::string text;
  for (std::string& line : lines) text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  return text;
}

constexpr std::string_view kHead = R"(# Problems

Printed by `warpfinch problems`.

A problem is one line of text: an operation, then its fields as `key=value` in any order; what has a default
may be left out. Sizes are at least 1. Numbers become fp32 in kernels: `scale * log2(e)` must be
{}, `alpha` 0 or {} or minus that. Strides are in elements, one
for each dimension of the buffer's shape; a stride of 0 repeats the same elements, in inputs only.

Buffers are passed in the order of the tables. A shape is the same in every layout, which shows in the
strides alone. A pointer is a multiple of 16 bytes where TMA or cp.async move the tensor (configs with
`copy=ld` have neither), else of its element's size; a plan tells which (`wf_buffer::alignment`).

Largest error: how far an element may be from the exact result (float64, over the inputs as they are), in
terms of the exact values: u is 2^-9 for bf16 and 2^-12 for fp16, p the exact weights, and half the smallest
subnormal of the output's type comes to each. `warpfinch run --check` compares with it.

)";

constexpr std::string_view kMasks = R"(## Masks and windows

Four queries and six keys. `O` is a query's own key, `x` another one that it sees, `.` one that it does not.
Own is the key on the diagonal through the last query and the last key, with `mask=causal_top_left` through
the first ones. `window_left` and `window_right` count keys beside the own one. Rows and columns of a
softmax are masked as queries and keys are.

)";

}  // namespace

std::string problem_page() {
  std::string text = fmt::format(kHead, kExponentFactors, kNormalFp32);
  // Sizes and types that no other field of the operation has.
  for (const char* sample : {"gemm batch=2 m=3 n=5 k=7 dtype=fp16 output=fp32 epilogue=bias",
                             "softmax batch=2 rows=3 columns=5 dtype=fp16",
                             "attention_forward batch=2 q_heads=6 kv_heads=3 q_len=5 kv_len=7 head_dim=64 "
                             "value_dim=128 dtype=fp16 lse=true",
                             "attention_three_kernel batch=2 q_heads=6 kv_heads=3 q_len=5 kv_len=7 "
                             "head_dim=64 value_dim=128 dtype=fp16 lse=true"})
    text += std::visit([](const auto& operation) { return section(operation); }, parse_problem(sample));
  return text + std::string(kMasks) + "```\n" +
         pictures({"mask=none", "mask=causal", "mask=causal_top_left"}) + "\n" +
         pictures({"window_left=1", "window_left=1 window_right=1", "mask=causal_top_left window_left=1"}) +
         "```\n";
}

}  // namespace warpfinch
