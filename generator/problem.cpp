// The text of problems, and the one door through which a problem comes in: what follows is filled in, what
// equals its default is left out, what cannot be computed is refused with the key and its value. What each of
// these means for an operation stands in its folder.
#include "generator/problem.hpp"

#include <algorithm>

#include "generator/problem_checks.hpp"

namespace warpfinch {
namespace {

// Calls visit(operation) with an empty problem of each operation.
template <class Visitor, class... Operations>
void for_each_operation(Visitor&& visit, const std::variant<Operations...>&) {
  (visit(Operations{}), ...);
}
template <class Visitor>
void for_each_operation(Visitor&& visit) {
  for_each_operation(visit, Problem());
}

std::string operation_names() {
  std::string names;
  for_each_operation([&](const auto& operation) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", operation.kName);
  });
  return names;
}

// 0 in a field stands for "follows from the others"; who types it means something else.
template <class Operation>
void refuse_typed_zeros(const Operation& operation, const std::vector<std::string_view>& words) {
  for_each_field<Operation>([&](const auto& field) {
    using Value = std::decay_t<decltype(operation.*field.member)>;
    if constexpr (std::is_same_v<Value, int64_t> || std::is_same_v<Value, double>) {
      if (operation.*field.member != 0 || field.name == "alpha" || field.name.starts_with("window")) return;
      for (std::string_view word : words)
        if (word.starts_with(field.name) && word.substr(field.name.size()).starts_with("="))
          refuse<Operation>(fmt::format(
              "{}: must be {}", word, std::is_integral_v<Value> ? "at least 1" : "a finite number above 0"));
    }
  });
}

template <class Operation>
Problem parse_operation(std::string_view text) {
  const Operation operation = fields_from_text<Operation>(text, Operation::kName);
  refuse_typed_zeros(operation, split_words(text));
  return canonical_of(operation);
}

template <class Operation>
std::string text_of(const Operation& operation) {
  Operation canonical = canonical_of(operation);
  if constexpr (requires { printed_of(canonical); }) canonical = printed_of(canonical);
  return fmt::format("{} {}", Operation::kName, fields_to_text(canonical));
}

}  // namespace

Problem parse_problem(std::string_view text) {
  const std::vector<std::string_view> words = split_words(text);
  if (words.empty())
    fail_input(fmt::format("problem: the text is empty; it begins with one of {}", operation_names()));
  const std::string_view name = words.front();
  const std::string_view rest = text.substr(static_cast<size_t>(name.data() + name.size() - text.data()));
  std::optional<Problem> problem;
  for_each_operation([&](const auto& operation) {
    if (name == operation.kName) problem = parse_operation<std::decay_t<decltype(operation)>>(rest);
  });
  if (!problem)
    fail_input(fmt::format("problem: unknown operation {}; known: {}", quote(name), operation_names()));
  return *problem;
}

std::string to_text(const Problem& problem) {
  return std::visit([](const auto& operation) { return text_of(operation); }, problem);
}

Problem canonical(const Problem& problem) {
  return std::visit([](const auto& operation) { return Problem(canonical_of(operation)); }, problem);
}

std::string_view operation(const Problem& problem) {
  return std::visit([](const auto& operation) { return operation.kName; }, problem);
}

const AttentionFields* attention(const Problem& problem) {
  return std::visit(
      [](const auto& operation) -> const AttentionFields* {
        using Operation = std::decay_t<decltype(operation)>;
        if constexpr (std::is_base_of_v<AttentionFields, Operation>)
          return &operation;
        else
          return nullptr;
      },
      problem);
}

}  // namespace warpfinch
