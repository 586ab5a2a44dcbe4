// Integer expressions of the IR: tile coordinates, loop bounds, conditions. C semantics, 64-bit when folded,
// int on the device.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace warpfinch::ir {

struct Expr {
  enum class Kind { number, name, operation } kind = Kind::number;
  int64_t number = 0;
  std::string name;             // a symbol, or the operator: + - * / % min max < <= > >= == !=
  std::vector<Expr> arguments;  // two, of an operation
  Expr() = default;
  Expr(int64_t value) : number(value) {}
  Expr(int value) : number(value) {}
  bool operator==(const Expr&) const = default;
};

Expr symbol(std::string name);
// Builds and folds: constants, x + 0, x * 1, x / 1, min(x, x), x == x, max(a < b, 0) and (x + a) + b.
Expr operation(std::string_view op, Expr left, Expr right);
inline Expr operator+(Expr a, Expr b) { return operation("+", std::move(a), std::move(b)); }
inline Expr operator-(Expr a, Expr b) { return operation("-", std::move(a), std::move(b)); }
inline Expr operator*(Expr a, Expr b) { return operation("*", std::move(a), std::move(b)); }
inline Expr operator/(Expr a, Expr b) { return operation("/", std::move(a), std::move(b)); }
inline Expr operator%(Expr a, Expr b) { return operation("%", std::move(a), std::move(b)); }
inline Expr min(Expr a, Expr b) { return operation("min", std::move(a), std::move(b)); }
inline Expr max(Expr a, Expr b) { return operation("max", std::move(a), std::move(b)); }

std::string to_text(const Expr& expr);
bool is_constant(const Expr& expr);
// The value of a constant; asserts on anything else.
int64_t value(const Expr& expr);
void collect_names(const Expr& expr, std::set<std::string>& names);
// Every `name` replaced, folded again.
Expr substitute(const Expr& expr, const std::string& name, const Expr& by);
// Every part that equals `part` replaced, folded again.
Expr replace(const Expr& expr, const Expr& part, const Expr& by);

}  // namespace warpfinch::ir
