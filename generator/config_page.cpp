#include "generator/config_page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "generator/config.hpp"
#include "generator/markdown.hpp"

namespace warpfinch {
namespace {

template <class Config>
std::string values_of(const GeneRow<Config>& row) {
  return row.legal == Legal{} ? wanted_by(row) : to_text(row.legal);
}

template <class Config>
std::string searched_of(const GeneRow<Config>& row) {
  if (row.searched.values.empty()) return fmt::format("only typed: {}", row.searched.remark);
  const std::string values = fmt::format("{}", fmt::join(row.searched.values, ", "));
  return row.searched.remark.empty() ? values : fmt::format("{} ({})", values, row.searched.remark);
}

template <class Config>
std::string section() {
  const Config defaults{};
  std::string text =
      fmt::format("## {}\n\n", Config::kName) +
      table_head({"field", "values", "default", "searched", "meaning", "what always holds", "where it goes"});
  for (const GeneRow<Config>& row : Config::genes())
    text +=
        table_row({std::string(row.name), values_of(row), row.field.text(defaults), searched_of(row),
                   std::string(row.meaning), std::string(row.constraint.meaning), std::string(row.place)});
  text += "\nOf several fields together:\n\n";
  for (const ConstraintOf<Config>& constraint : Config::constraints())
    text += fmt::format("- `{}`: {}\n", constraint.name, constraint.meaning);
  return text + "\n";
}

template <class... Configs>
std::string sections(const std::variant<Configs...>&) {
  return (section<Configs>() + ...);
}

constexpr std::string_view kHead = R"(# Configs

Printed from the rows of genes (`generator/<operation>/genes.cpp`); do not edit. `generator_tests` compares,
and with `WARPFINCH_BLESS=1` writes this page anew.

A config is the schedule of a plan's kernels: `field=value` in any order, and what is left out has its
default. A plan of one kernel has it flat, a plan of several in parts: `gemm:{…} softmax:{…} gemm:{…}`.
Searched are the values that the tuner tries, on every problem or on those that the remark names; others are
for who types them. A config whose values cannot go together is refused with a reason before anything is
generated. The default of attention's `key_tile` is 96 with head dims above 128, and 48 with those above 192.

)";

}  // namespace

std::string config_page() {
  std::string text(kHead);
  text += sections(KernelConfig{});
  text.pop_back();
  return text;
}

}  // namespace warpfinch
