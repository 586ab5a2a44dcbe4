// "60s" or "200".
#include <cmath>

#include "tuner/tune.hpp"

namespace warpfinch {

Budget parse_budget(std::string_view text) {
  Budget budget;
  std::string wanted;
  if (text.ends_with('s')) {
    if (value_from_text(text.substr(0, text.size() - 1), budget.seconds, wanted) && budget.seconds > 0 &&
        std::isfinite(budget.seconds))
      return budget;
  } else if (value_from_text(text, budget.evaluations, wanted) && budget.evaluations > 0) {
    return budget;
  }
  fail_input(
      fmt::format("budget: '{}' is neither seconds (60s) nor a number of evaluations (200), above 0", text));
}

std::string to_text(const Budget& budget) {
  if (budget.seconds > 0) return fmt::format("{}s", budget.seconds);
  return fmt::format("{}", budget.evaluations);
}

}  // namespace warpfinch
