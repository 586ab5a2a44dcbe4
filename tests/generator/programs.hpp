// Programs for tests: what a problem and a config become at each stage, and texts with planted faults.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "generator/ir/program.hpp"

namespace warpfinch {

inline const Target& sm_90a() { return target_by_name("sm_90a"); }

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

inline std::string trimmed(const std::string& line) {
  const size_t first = line.find_first_not_of(' ');
  return first == std::string::npos ? "" : line.substr(first);
}

// The line of the text, from 1, that reads `wanted` but for its indent; 0 where none does.
inline int line_number(const std::string& text, const std::string& wanted) {
  const std::vector<std::string> lines = lines_of(text);
  for (size_t i = 0; i < lines.size(); ++i)
    if (trimmed(lines[i]) == wanted) return static_cast<int>(i) + 1;
  return 0;
}

// The text with the first `from` replaced; a test whose fault cannot be planted fails.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << "'" << from << "' does not stand in\n" << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

inline Expected<Plan> generate_text(const std::string& problem, const std::string& config,
                                    const StageObserver& observe = {}) {
  const Problem parsed = parse_problem(problem);
  return generate(parsed, parse_config(config, parsed), sm_90a(), observe);
}

// The plan of a pair that must be legal.
inline Plan plan_of(const std::string& problem, const std::string& config) {
  auto plan = generate_text(problem, config);
  if (!plan) ADD_FAILURE() << problem << " " << config << ": " << plan.rejection().reason;
  return plan ? *plan : Plan{};
}

// Printed programs of the plan's first kernel by stage: "build", then the passes.
inline std::map<std::string, std::string> stages_of(const std::string& problem, const std::string& config) {
  std::map<std::string, std::string> stages;
  auto plan = generate_text(problem, config,
                            [&](const std::string&, const std::string& stage, const std::string& program) {
                              stages.emplace(stage, program);
                            });
  if (!plan) ADD_FAILURE() << problem << " " << config << ": " << plan.rejection().reason;
  return stages;
}

// --- reading a printed program
// ------------------------------------------------------------------------------
inline std::string after(const std::string& pass, const std::string& problem, const std::string& config) {
  return stages_of(problem, config)[pass];
}

// The trimmed lines between the n-th line that starts with `head` and its closing brace; nested blocks
// included.
inline std::vector<std::string> block(const std::string& text, const std::string& head, int n = 1) {
  std::vector<std::string> body;
  int depth = -1;
  for (const std::string& line : lines_of(text)) {
    const std::string here = trimmed(line);
    if (depth < 0) {
      if (here.starts_with(head) && --n == 0) depth = 0;
      continue;
    }
    if (here == "}" && depth-- == 0) return body;
    if (here.ends_with("{")) ++depth;
    body.push_back(here);
  }
  ADD_FAILURE() << "no block '" << head << "' in\n" << text;
  return body;
}

// Only the lines whose first word is one of `words`.
inline std::vector<std::string> only(const std::vector<std::string>& lines,
                                     const std::vector<std::string>& words) {
  std::vector<std::string> kept;
  for (const std::string& line : lines)
    if (std::find(words.begin(), words.end(), line.substr(0, line.find(' '))) != words.end())
      kept.push_back(line);
  return kept;
}

inline std::vector<std::string> before(const std::vector<std::string>& lines, const std::string& head) {
  const auto end = std::find_if(lines.begin(), lines.end(),
                                [&](const std::string& line) { return line.starts_with(head); });
  return {lines.begin(), end};
}

inline std::string declaration(const std::string& text, const std::string& start) {
  for (const std::string& line : lines_of(text))
    if (trimmed(line).starts_with(start)) return trimmed(line);
  return "";
}

// Does the text carry a value? Digits that belong to a name (softmax_first, always, fp16, sm_90a) are none.
inline bool carries_a_number(const std::string& text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_name = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; };
  for (size_t first = 0, end; first < text.size(); first = end + 1) {
    for (end = first; end < text.size() && is_digit(text[end]);) ++end;
    if (end > first && (first == 0 || !is_name(text[first - 1])) &&
        (end == text.size() || !is_name(text[end])))
      return true;
  }
  return false;
}

// Does a reason say what was asked for and what is possible? By a number; or, where one choice by name
// excludes another one, by both as key=value.
inline bool says_values(const std::string& reason) {
  return carries_a_number(reason) || std::count(reason.begin(), reason.end(), '=') >= 2;
}

// "stage: reason" of a text that the generator refuses; "accepted" otherwise.
inline std::string verdict(const std::string& text) {
  auto plan = generate_program(text, sm_90a());
  return plan ? "accepted" : plan.rejection().stage + ": " + plan.rejection().reason;
}

}  // namespace warpfinch
