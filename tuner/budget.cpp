// "60s", "10m", "1h" or "200".
#include <cmath>

#include "tuner/tune.hpp"

namespace warpfinch {
namespace {

// Seconds of the unit at the end of a text; 0: it has none.
double unit_of(std::string_view text) {
  if (text.ends_with('s')) return 1;
  if (text.ends_with('m')) return 60;
  return text.ends_with('h') ? 3600 : 0;
}

}  // namespace

Budget parse_budget(std::string_view text) {
  Budget budget;
  std::string wanted;
  if (const double unit = unit_of(text); unit > 0) {
    const bool is_number = value_from_text(text.substr(0, text.size() - 1), budget.seconds, wanted);
    budget.seconds *= unit;
    if (is_number && budget.seconds > 0 && std::isfinite(budget.seconds)) return budget;
  } else if (value_from_text(text, budget.evaluations, wanted) && budget.evaluations > 0) {
    return budget;
  }
  fail_input(fmt::format(
      "budget: {} is neither a time (60s, 10m, 1h) nor a number of evaluations (200, at most {}), above 0",
      quote(text), std::numeric_limits<int>::max()));
}

std::string to_text(const Budget& budget) {
  if (budget.seconds > 0) return fmt::format("{}s", budget.seconds);
  return fmt::format("{}", budget.evaluations);
}

}  // namespace warpfinch
