// Programs for tests: what a problem and a config become at each stage, and texts with planted faults.
#pragma once

#include <gtest/gtest.h>

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

// "stage: reason" of a text that the generator refuses; "accepted" otherwise.
inline std::string verdict(const std::string& text) {
  auto plan = generate_program(text, sm_90a());
  return plan ? "accepted" : plan.rejection().stage + ": " + plan.rejection().reason;
}

}  // namespace warpfinch
