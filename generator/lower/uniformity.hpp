// Which ops have bounds or operands that differ between warpgroups, or between who else has the names given.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "generator/ir/ops.hpp"

namespace warpfinch::lower {

class Uneven {
 public:
  Uneven(std::set<std::string> names = {"warp", "warpgroup"}) : names_(std::move(names)) {}
  bool depends(const ir::Op& op) const {
    const std::set<std::string> names = ir::names_in(op);
    return std::any_of(names.begin(), names.end(), [&](const auto& name) { return names_.contains(name); });
  }
  // A `let` hands it on.
  void note(const ir::Op& op) {
    if (op.name == "let" && depends(op)) names_.insert(op.ranges[0].name);
  }

 private:
  std::set<std::string> names_;
};

}  // namespace warpfinch::lower
