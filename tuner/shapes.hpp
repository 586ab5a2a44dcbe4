// The list of shapes to tune, as YAML. Either a list
//
//   - attention_forward batch=1 q_heads=16 q_len=1024 head_dim=64 dtype=fp16
//   - problem: gemm m=4096 n=4096 k=4096
//     budget: 60s
//
// or a map with defaults for all entries:
//
//   defaults: {budget: 200}
//   shapes:
//     - softmax rows=4096 columns=1024
//
// An entry is a problem's text, or a map of problem and budget ("60s", "10m", "1h": time, "200":
// evaluations).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generator/problem.hpp"
#include "tuner/tune.hpp"

namespace warpfinch {

struct Shape {
  Problem problem;
  std::optional<Budget> budget;  // its own, else the list's default, else none
  bool operator==(const Shape&) const = default;
};

// All of the list or none of it. Error (input): one line with the list's name, line and column, what is wrong
// there and what would be right.
std::vector<Shape> parse_shapes(const std::string& yaml, const std::string& name);

}  // namespace warpfinch
