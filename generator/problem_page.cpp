// Fields, shapes, types and pictures come from where they are described for the code, so that they cannot be
// out of date; the words for buffers, exactness and what is no number stand with each
// operation.
#include "generator/problem_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "generator/fp32.hpp"
#include "generator/markdown.hpp"
#include "generator/problem.hpp"

namespace warpfinch {
namespace {

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
std::string buffer_table(const Operation& operation, const ProblemWords& words) {
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
  const ProblemWords words = words_of(operation);
  const std::string tables = words.tables_of.empty()
                                 ? field_table<Operation>() + "\n" + buffer_table(operation, words)
                                 : fmt::format("Fields and buffers are those of {}.\n", words.tables_of);
  return fmt::format("## {}\n\n{}.\n\n{}\nLargest error: {}.\n\nNaN and infinity: {}\n\n", Operation::kName,
                     Operation::kMeaning, tables, words.bound, words.not_finite);
}

template <class... Operations>
std::string sections(const std::variant<Operations...>&) {
  std::string text;
  const auto append = [&](std::string_view sample) {
    text += std::visit([](const auto& operation) { return section(operation); }, parse_problem(sample));
  };
  (append(words_of(Operations{}).sample), ...);
  return text;
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
  text += sections(Problem());
  return text + std::string(kMasks) + "```\n" +
         pictures({"mask=none", "mask=causal", "mask=causal_top_left"}) + "\n" +
         pictures({"window_left=1", "window_left=1 window_right=1", "mask=causal_top_left window_left=1"}) +
         "```\n";
}

}  // namespace warpfinch
