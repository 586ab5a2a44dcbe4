// Text → Program, by recursive descent. Knows the grammar, not the ops: what an op takes is the table's and
// the verifier's business. `#` starts a comment.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "generator/ir/attributes.hpp"
#include "generator/ir/ops.hpp"
#include "generator/ir/program.hpp"
#include "generator/result.hpp"
#include "generator/text.hpp"

namespace warpfinch::ir {
namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Program program() {
    Program result;
    keyword("kernel");
    result.name = name("the kernel's name");
    result.attributes = attributes();
    expect("{");
    while (!accept("}")) item(result);
    skip_blanks();
    if (at_ < text_.size()) fail("text after the kernel's closing brace");
    return result;
  }

 private:
  // --- characters --------------------------------------------------------------------------------------
  [[noreturn]] void fail(const std::string& message) const {
    int line = 1, column = 1;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) {
      if (text_[i] == '\n')
        ++line, column = 1;
      else
        ++column;
    }
    fail_input(fmt::format("line {}, column {}: {}", line, column, message));
  }
  static bool is_name(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_blanks() {
    while (at_ < text_.size()) {
      if (peek() == '#')
        at_ = std::min(text_.find('\n', at_), text_.size());
      else if (is_blank(peek()))
        ++at_;
      else
        return;
    }
  }
  int line() const { return 1 + static_cast<int>(std::count(text_.begin(), text_.begin() + at_, '\n')); }
  bool line_ends() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++at_;
    return at_ >= text_.size() || peek() == '\n' || peek() == '#';
  }
  bool accept(std::string_view token) {
    skip_blanks();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fail(fmt::format("'{}' expected, found {}", token, found()));
  }
  std::string found() const {
    if (at_ >= text_.size()) return "the end of the text";
    size_t end = at_;
    while (end < text_.size() && is_name(text_[end])) ++end;
    return quote(text_.substr(at_, std::max<size_t>(end - at_, 1)));
  }
  std::string name(const char* what) {
    skip_blanks();
    const size_t start = at_;
    if (!is_digit(peek()))
      while (is_name(peek())) ++at_;
    if (start == at_) fail(fmt::format("{} expected, found {}", what, found()));
    return std::string(text_.substr(start, at_ - start));
  }
  std::string_view next_word() {
    skip_blanks();
    size_t end = at_;
    while (end < text_.size() && is_name(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }
  void keyword(std::string_view word) {
    if (next_word() != word) fail(fmt::format("'{}' expected, found {}", word, found()));
    at_ += word.size();
  }

  // --- expressions -------------------------------------------------------------------------------------
  int64_t integer_token() {
    int64_t result = 0;
    auto [end, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), result);
    if (code != std::errc()) fail(fmt::format("an integer expected, found {}", found()));
    at_ = end - text_.data();
    return result;
  }
  // Trees are walked by recursion: a text must not choose their depth. Sums lean to the left, so that the
  // number of terms bounds it, too.
  void enter() {
    constexpr int kMaxDepth = 200;
    if (++depth_ > kMaxDepth) fail(fmt::format("nested more than {} deep", kMaxDepth));
  }
  void count_term() {
    constexpr int kMaxTerms = 1000;
    if (++terms_ > kMaxTerms) fail(fmt::format("more than {} terms in the expressions of one op", kMaxTerms));
  }
  Expr primary() {
    count_term();
    enter();
    Expr result = atom();
    --depth_;
    return result;
  }
  Expr atom() {
    skip_blanks();
    if (accept("(")) {
      Expr inner = expression();
      expect(")");
      return inner;
    }
    if (peek() == '-' || is_digit(peek())) return integer_token();
    const std::string symbol_name = dotted_name();
    if (symbol_name != "min" && symbol_name != "max") return symbol(symbol_name);
    expect("(");
    Expr left = expression();
    expect(",");
    Expr right = expression();
    expect(")");
    return operation(symbol_name, std::move(left), std::move(right));
  }
  // `n`, or what the kernel knows by itself, such as `walk.tile`. `begin..end` is a range.
  std::string dotted_name() {
    std::string result = name("an expression");
    if (peek() != '.' || starts_range()) return result;
    ++at_;
    return result + "." + name("a name behind the point");
  }
  // Left-associative chains of the operators of one strength. An expression ends with its line.
  template <class Next>
  Expr chain(std::initializer_list<std::string_view> operators, Next next) {
    Expr result = next();
    for (bool again = true; again;) {
      again = false;
      for (std::string_view op : operators)
        if (!line_ends() && !starts_range() && accept(op)) {
          result = operation(op, std::move(result), next());
          again = true;
          break;
        }
    }
    return result;
  }
  bool starts_range() const { return text_.substr(at_, 2) == ".."; }
  Expr product() {
    return chain({"*", "/", "%"}, [&] { return primary(); });
  }
  Expr sum() {
    return chain({"+", "-"}, [&] { return product(); });
  }
  Expr expression() {
    return chain({"<=", ">=", "==", "!=", "<", ">"}, [&] { return sum(); });
  }
  std::vector<Expr> expression_list() {
    std::vector<Expr> result;
    expect("[");
    do result.push_back(expression());
    while (accept(","));
    expect("]");
    return result;
  }

  // --- pieces of a line --------------------------------------------------------------------------------
  std::string attribute_value() {
    const size_t start = at_;
    if (peek() == '[') {
      while (at_ < text_.size() && peek() != ']' && peek() != '\n') ++at_;
      if (peek() != ']') fail("']' expected");
      ++at_;
    } else {
      while (is_name(peek()) ||
             (peek() != '\0' && std::string_view(".+-$%@").find(peek()) != std::string_view::npos))
        ++at_;
    }
    std::string value(text_.substr(start, at_ - start));
    std::erase_if(value, is_blank);
    if (value.empty()) fail("a value expected after '='");
    return value;
  }
  Attributes attributes() {
    Attributes result;
    while (!line_ends() && peek() != '{') {
      const size_t start = at_;
      std::string key = name("an attribute"), value;
      if (peek() == '=') {
        ++at_;
        value = attribute_value();
      }
      auto attribute = in_present_words({std::move(key), std::move(value)});
      if (has(result, attribute.first))
        at_ = start, fail(fmt::format("attribute {} stands twice", quote(attribute.first)));
      result.push_back(std::move(attribute));
    }
    return result;
  }
  Operand tensor_reference() {
    Operand result;
    result.space = peek() == '@' ? Space::global : peek() == '$' ? Space::shared : Space::register_;
    ++at_;
    result.name = name("a tensor's name");
    if (peek() == '[') result.index = expression_list();
    if (text_.substr(at_, 2) == "^T") {
      at_ += 2;
      result.transposed = true;
    }
    return result;
  }
  // A number with a point, an exponent, or infinite; integers are expressions.
  bool accept_number(double& value) {
    size_t end = at_ + (peek() == '-');
    const size_t digits = end;
    if (text_.substr(end, 3) == "inf" && (end + 3 == text_.size() || !is_name(text_[end + 3]))) {
      value = (peek() == '-' ? -1 : 1) * std::numeric_limits<double>::infinity();
      at_ = end + 3;
      return true;
    }
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const bool point = end < text_.size() && text_[end] == '.' && text_.substr(end, 2) != "..";
    const bool exponent = end > digits && end < text_.size() && text_[end] == 'e';
    if (!point && !exponent) return false;
    auto [stop, code] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (code == std::errc::result_out_of_range)
      fail(fmt::format("{} is beyond fp32", std::string_view(text_.data() + at_, stop)));
    if (code != std::errc()) return false;
    at_ = stop - text_.data();
    return true;
  }
  Operand operand() {
    skip_blanks();
    if (peek() == '@' || peek() == '$' || peek() == '%') return tensor_reference();
    double value = 0;
    if (accept_number(value)) return number(value);
    return expr(expression());
  }
  Range range() {
    Range result;
    result.name = name("a loop variable");
    keyword("in");
    result.begin = expression();
    expect("..");
    result.end = expression();
    if (!line_ends() && next_word() == "step") {
      keyword("step");
      result.step = expression();
    }
    return result;
  }

  // --- lines -------------------------------------------------------------------------------------------
  void item(Program& program) {
    skip_blanks();
    if (at_ >= text_.size()) fail("'}' expected, found the end of the text: the program is cut off");
    const std::string_view word = next_word();
    if (word == "param" || word == "shared" || word == "register") {
      if (!program.body.empty()) fail("declarations stand before the first op");
      program.tensors.push_back(declaration());
    } else if (word == "let" && program.tensors.empty() && program.body.empty()) {
      Op constant = statement();
      program.constants.emplace_back(constant.ranges[0].name, constant.operands[0].expr);
    } else {
      program.body.push_back(statement());
    }
  }
  Tensor declaration() {
    terms_ = 0;
    Tensor result;
    const std::string word = name("a declaration");
    result.space = word == "param" ? Space::global : word == "shared" ? Space::shared : Space::register_;
    skip_blanks();
    if (peek() != sigil(result.space))
      fail(fmt::format("'{}' expected before the name", sigil(result.space)));
    ++at_;
    result.name = name("a tensor's name");
    skip_blanks();
    const std::string_view type = next_word();
    const auto known = data_type_from_text(type);
    if (!known) fail(fmt::format("a type expected (bf16, fp16, fp32), found {}", found()));
    result.type = *known;
    at_ += type.size();
    result.shape = expression_list();
    result.attributes = attributes();
    return result;
  }
  Op statement() {
    terms_ = 0;
    Op result;
    skip_blanks();
    result.line = line();
    result.name = op_in_present_words(name("an op"));
    if (result.name == "let") {
      result.ranges = {{name("a name"), {}, {}, {1}}};
      expect("=");
      result.operands = {expr(expression())};
      return result;
    }
    if (result.name == "grid" || result.name == "for")
      ranges(result);
    else if (result.name != "role")
      operands(result);
    result.attributes = attributes();
    if (peek() == '{')
      block(result);
    else if (!line_ends())
      fail(fmt::format("the end of the line expected, found {}", found()));
    return result;
  }
  void ranges(Op& op) {
    do op.ranges.push_back(range());
    while (accept_on_line(","));
  }
  bool accept_on_line(std::string_view token) { return !line_ends() && accept(token); }
  void operands(Op& op) {
    if (line_ends() || peek() == '{') return;
    // An op without operands may start with an attribute: a bare word followed by '='.
    const std::string_view word = next_word();
    if (!word.empty() && text_.substr(at_ + word.size(), 1) == "=" &&
        text_.substr(at_ + word.size(), 2) != "==")
      return;
    do op.operands.push_back(operand());
    while (accept_on_line(","));
  }
  void block(Op& op) {
    enter();
    expect("{");
    while (!accept("}")) {
      if (at_ >= text_.size()) fail("'}' expected, found the end of the text: the program is cut off");
      op.body.push_back(statement());
    }
    --depth_;
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  int terms_ = 0;  // of the op or the declaration
};

}  // namespace

Program parse(std::string_view text) { return Parser(text).program(); }

}  // namespace warpfinch::ir
