#include "generator/ir/expr.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>

#include "generator/text.hpp"

namespace warpfinch::ir {
namespace {

bool is_call(std::string_view op) { return op == "min" || op == "max"; }

// Binding strength as in C; what is weaker than its place gets parentheses.
int strength(const Expr& expr) {
  if (expr.kind == Expr::Kind::number) return expr.number < 0 ? 3 : 9;
  if (expr.kind == Expr::Kind::name || is_call(expr.name)) return 9;
  if (expr.name == "*" || expr.name == "/" || expr.name == "%") return 4;
  if (expr.name == "+" || expr.name == "-") return 3;
  return 1;
}

using Folded = std::optional<int64_t>;

// Nothing where the value does not fit into 64 bits: texts may hold any number.
Folded sum(int64_t a, int64_t b) {
  int64_t result;
  return __builtin_add_overflow(a, b, &result) ? Folded() : result;
}
Folded difference(int64_t a, int64_t b) {
  int64_t result;
  return __builtin_sub_overflow(a, b, &result) ? Folded() : result;
}
Folded product(int64_t a, int64_t b) {
  int64_t result;
  return __builtin_mul_overflow(a, b, &result) ? Folded() : result;
}
bool divides(int64_t a, int64_t b) {
  return b != 0 && !(b == -1 && a == std::numeric_limits<int64_t>::min());
}

Folded fold(std::string_view op, int64_t a, int64_t b) {
  if (op == "+") return sum(a, b);
  if (op == "-") return difference(a, b);
  if (op == "*") return product(a, b);
  if (op == "/") return divides(a, b) ? Folded(a / b) : Folded();
  if (op == "%") return divides(a, b) ? Folded(a % b) : Folded();
  if (op == "min") return std::min(a, b);
  if (op == "max") return std::max(a, b);
  if (op == "<") return a < b;
  if (op == "<=") return a <= b;
  if (op == ">") return a > b;
  if (op == ">=") return a >= b;
  if (op == "==") return a == b;
  if (op == "!=") return a != b;
  assert(false && "unknown operator");
  return std::nullopt;
}

bool is_comparison(std::string_view op) {
  return op == "<" || op == "<=" || op == ">" || op == ">=" || op == "==" || op == "!=";
}

// 0 or 1.
bool is_truth(const Expr& expr) { return expr.kind == Expr::Kind::operation && is_comparison(expr.name); }

bool is_number(const Expr& expr, int64_t value) {
  return expr.kind == Expr::Kind::number && expr.number == value;
}

// The constant a of x + a; nothing of any other expression.
Folded offset_of(const Expr& expr) {
  if (expr.kind != Expr::Kind::operation || !is_constant(expr.arguments[1])) return std::nullopt;
  const int64_t number = expr.arguments[1].number;
  if (expr.name == "+") return number;
  return expr.name == "-" && number > 0 ? Folded(-number) : std::nullopt;
}

Expr raw(std::string_view op, Expr left, Expr right) {
  Expr result;
  result.kind = Expr::Kind::operation;
  result.name = op;
  result.arguments.reserve(2);  // not a list of the two, which would copy both trees
  result.arguments.push_back(std::move(left));
  result.arguments.push_back(std::move(right));
  return result;
}

}  // namespace

Expr symbol(std::string name) {
  Expr result;
  result.kind = Expr::Kind::name;
  result.name = std::move(name);
  return result;
}

Expr operation(std::string_view op, Expr left, Expr right) {
  if (is_constant(left) && is_constant(right))
    if (auto folded = fold(op, left.number, right.number)) return *folded;
  if (op == "+" && is_constant(left) && !is_constant(right)) std::swap(left, right);
  if ((op == "+" || op == "-") && is_constant(right)) {
    const Folded first = offset_of(left);
    const Folded offset =
        op == "+" ? sum(first.value_or(0), right.number) : difference(first.value_or(0), right.number);
    if (offset && *offset > std::numeric_limits<int64_t>::min()) {
      Expr base = std::move(first ? left.arguments[0] : left);
      if (*offset == 0) return base;
      return *offset > 0 ? raw("+", std::move(base), *offset) : raw("-", std::move(base), -*offset);
    }
  }
  if (op == "*" && (is_number(left, 0) || is_number(right, 0))) return 0;
  if (op == "*" && is_number(left, 1)) return right;
  if ((op == "*" || op == "/") && is_number(right, 1)) return left;
  if (op == "%" && is_number(right, 1)) return 0;
  if (is_call(op) && left == right) return left;
  if (is_comparison(op) && left == right) return op == "==" || op == "<=" || op == ">=";
  if (op == "max" && is_truth(left) && is_constant(right) && right.number <= 0) return left;
  if (op == "max" && is_truth(left) && is_number(right, 1)) return right;
  return raw(op, std::move(left), std::move(right));
}

std::string to_text(const Expr& expr) {
  if (expr.kind == Expr::Kind::number) return number_to_text(expr.number);
  if (expr.kind == Expr::Kind::name) return expr.name;
  const auto place = [&](const Expr& argument, int needed) {
    return strength(argument) < needed ? "(" + to_text(argument) + ")" : to_text(argument);
  };
  const Expr &left = expr.arguments[0], &right = expr.arguments[1];
  if (is_call(expr.name)) return fmt::format("{}({}, {})", expr.name, to_text(left), to_text(right));
  const int own = strength(expr);
  return fmt::format("{} {} {}", place(left, own), expr.name, place(right, own + 1));
}

bool is_constant(const Expr& expr) { return expr.kind == Expr::Kind::number; }

int64_t value(const Expr& expr) {
  assert(is_constant(expr));
  return expr.number;
}

void collect_names(const Expr& expr, std::set<std::string>& names) {
  if (expr.kind == Expr::Kind::name) names.insert(expr.name);
  for (const Expr& argument : expr.arguments) collect_names(argument, names);
}

Expr substitute(const Expr& expr, const std::string& name, const Expr& by) {
  if (expr.kind == Expr::Kind::name) return expr.name == name ? by : expr;
  if (expr.kind == Expr::Kind::number) return expr;
  return operation(expr.name, substitute(expr.arguments[0], name, by),
                   substitute(expr.arguments[1], name, by));
}

Expr replace(const Expr& expr, const Expr& part, const Expr& by) {
  if (expr == part) return by;
  if (expr.kind != Expr::Kind::operation) return expr;
  return operation(expr.name, replace(expr.arguments[0], part, by), replace(expr.arguments[1], part, by));
}

}  // namespace warpfinch::ir
