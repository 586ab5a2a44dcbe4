// A gene is one row. An operation's table (generator/<operation>/genes.cpp) says of every config field how it
// is spelled, which values it may have, which of them the search tries, when a value is impossible and why,
// what it means and where it goes. Text, search spaces, constraints and the page for users walk these rows.
#pragma once

#include <initializer_list>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "generator/fields.hpp"
#include "generator/target.hpp"

namespace warpfinch {

// Why a config is impossible, with numbers; nothing where it is possible.
using Reason = std::optional<std::string>;

// What a row asks about a config. `Config::Computes` is the problem that the kernel solves.
template <class Config, class Answer>
using Ask = Answer (*)(const typename Config::Computes&, const Config&, const Target&);

template <class Config>
struct ConstraintOf {
  std::string_view name = {};     // in a gene's row: none, it is the gene's
  std::string_view meaning = {};  // what always holds, in words
  Ask<Config, Reason> violated = nullptr;
};

// The config field of a row, whatever its type.
template <class Config>
struct ConfigField {
  std::string (*text)(const Config&);
  bool (*equal)(const Config&, const Config&);
  // False, with what would be right in `wanted`, when the text is no value of the field.
  bool (*read)(std::string_view text, Config&, std::string& wanted);
  std::optional<int> (*number)(const Config&);  // the value of an integer field
};

template <auto member, class Config, class Value>
constexpr ConfigField<Config> field_at(Value Config::*) {
  return {[](const Config& config) { return value_to_text(config.*member); },
          [](const Config& a, const Config& b) { return a.*member == b.*member; },
          [](std::string_view text, Config& config, std::string& wanted) {
            return value_from_text(text, config.*member, wanted);
          },
          [](const Config& config) {
            if constexpr (std::is_same_v<Value, int>)
              return std::optional<int>(config.*member);
            else
              return std::optional<int>();
          }};
}
// field<&SomeConfig::consumers>()
template <auto member>
constexpr auto field() {
  return field_at<member>(member);
}

// The values that an integer field may have on any problem and target.
struct Legal {
  int least = std::numeric_limits<int>::min(), most = std::numeric_limits<int>::max(), step = 1;
  std::vector<int> values = {};  // if not empty: these alone
  bool operator==(const Legal&) const = default;
};
bool is_legal(const Legal& legal, int value);
std::string to_text(const Legal& legal);  // "1 to 32", "a multiple of 16 from 16 to 256", "one of 0, 24"

// The values that the search tries, in its order. A gene without any is only typed: the search leaves it at
// its default.
template <class Config>
struct Searched {
  std::vector<std::string> values = {};
  // On which problems and targets a value other than the default is tried; null: on all.
  Ask<Config, bool> where = nullptr;
  std::string_view remark = {};  // for the page: what `where` asks, or why values are left out
};

enum class Printed { always, if_not_default };

template <class Config>
struct GeneRow {
  std::string_view name;
  ConfigField<Config> field;
  Printed printed = Printed::if_not_default;
  std::string_view meaning;  // one plain sentence, and one for each value that has a name
  std::string_view place;    // where the value goes: what in the program holds it, and who reads that
  Legal legal = {};
  Searched<Config> searched = {};
  ConstraintOf<Config> constraint = {};  // named after the gene
  std::string_view former = {};          // what it was called before
};
template <class Config>
using Genes = std::vector<GeneRow<Config>>;
template <class Config>
using Constraints = std::vector<ConstraintOf<Config>>;

// --- values as the search writes them -------------------------------------------------------------------
std::vector<std::string> numbers(std::initializer_list<int> values);
template <class Enum>
std::vector<std::string> every_value() {
  return {EnumNames<Enum>::names.begin(), EnumNames<Enum>::names.end()};
}

// The values that the search tries on that problem.
template <class Config>
std::vector<std::string> domain(const GeneRow<Config>& row, const typename Config::Computes& problem,
                                const Target& target) {
  const Config defaults{};
  if (row.searched.values.empty()) return {row.field.text(defaults)};
  std::vector<std::string> tried;
  for (const std::string& value : row.searched.values) {
    Config config;
    std::string wanted;
    row.field.read(value, config, wanted);
    if (row.field.equal(config, defaults) || !row.searched.where ||
        row.searched.where(problem, config, target))
      tried.push_back(value);
  }
  return tried;
}

// Why the row's own value is impossible.
template <class Config>
Reason gene_violated(const GeneRow<Config>& row, const typename Config::Computes& problem,
                     const Config& config, const Target& target) {
  if (const auto number = row.field.number(config); number && !is_legal(row.legal, *number))
    return fmt::format("{}={}: must be {}", row.name, *number, to_text(row.legal));
  return row.constraint.violated ? row.constraint.violated(problem, config, target) : std::nullopt;
}

// --- text -------------------------------------------------------------------------------------------------
template <class Config>
std::string genes_to_text(const Config& config) {
  const Config defaults{};
  std::string text;
  for (const GeneRow<Config>& row : Config::genes()) {
    if (row.printed == Printed::if_not_default && row.field.equal(config, defaults)) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", row.name, row.field.text(config));
  }
  return text;
}

// What may stand behind the gene's name: "one of split, branch", "an integer".
template <class Config>
std::string wanted_by(const GeneRow<Config>& row) {
  Config ignored;
  std::string wanted;
  row.field.read("", ignored, wanted);
  return wanted;
}

// Reads "name=value …" in any order over `config`; Error (input) says what is wrong and what would be right.
template <class Config>
Config genes_from_text(std::string_view text, std::string_view what, Config config) {
  std::string known;
  for (const GeneRow<Config>& row : Config::genes())
    known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  std::set<std::string_view> given;
  read_pairs(text, what, known, [&](std::string_view key, std::string_view value) {
    std::string wanted;
    for (const GeneRow<Config>& row : Config::genes()) {
      if (row.name != key && (row.former.empty() || row.former != key)) continue;
      if (row.name != key) note_former_word(key, row.name);
      if (!given.insert(row.name).second)
        fail_input(
            fmt::format("{}: key {} stands twice, once as {}", what, quote(row.name), quote(row.former)));
      if (row.field.read(value, config, wanted)) return;
      fail_input(fmt::format("{}: {}={}: not {}", what, key, excerpt(value), wanted));
    }
    fail_input(fmt::format("{}: unknown key {}; known: {}", what, quote(key), known));
  });
  return config;
}

}  // namespace warpfinch
