// The IR's text: what is printed parses back, expressions keep their value, and a mistake is found where it
// stands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <ctime>

#include "generator/builders.hpp"
#include "generator/ir/ops.hpp"
#include "tests/generator/arbitrary_problem.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

using testing::HasSubstr;

// --- programs ---------------------------------------------------------------------------------------------
const std::vector<std::pair<std::string, std::string>>& pairs() {
  static const std::vector<std::pair<std::string, std::string>> all = {
      {"gemm m=300 n=200 k=100 epilogue=bias_gelu alpha=0.1", ""},
      {"gemm batch=3 m=512 n=512 k=512 layout=nn", "tile_order=static group=4"},
      {"softmax batch=2 rows=100 columns=1000 mask=causal", ""},
      {"softmax rows=64 columns=64 scale=0.3", "warps=2"},
      {"attention_forward q_heads=4 kv_heads=2 q_len=333 head_dim=64 mask=causal lse=true", "order=pv_first"},
      {"attention_forward q_len=1024 head_dim=128 scale=0.5",
       "pingpong=issue max_policy=conditional mask_loop=branch"},
      {"attention_three_kernel q_len=200 head_dim=64 lse=true", "gemm:{} softmax:{} gemm:{}"},
  };
  return all;
}

TEST(IrText, every_stage_of_every_program_parses_back_byte_for_byte) {
  for (const auto& [problem, config] : pairs()) {
    int stages = 0;
    const auto plan =
        generate_text(problem, config, [&](const std::string&, const std::string&, const std::string& text) {
          EXPECT_EQ(ir::print(ir::parse(text)), text) << problem;
          ++stages;
        });
    ASSERT_TRUE(plan) << problem << ": " << plan.rejection().reason;
    EXPECT_GE(stages, 9) << problem;
  }
}

TEST(IrText, a_built_program_parses_back_to_the_same_value) {
  for (const auto& [problem, config] : pairs()) {
    const Problem parsed = parse_problem(problem);
    for (const PlannedKernel& kernel : build(parsed, parse_config(config, parsed), sm_90a()).kernels)
      EXPECT_TRUE(ir::parse(ir::print(kernel.program)) == kernel.program) << ir::print(kernel.program);
  }
}

TEST(IrText, blanks_comments_and_spelling_of_numbers_do_not_matter) {
  const std::string canonical =
      "kernel k target=sm_90a {\n  let t = 64\n  param @x bf16 [128, 64] strides=[64,1] out\n"
      "  register %a fp32 [t, 64]\n  grid m in 0 .. 128 step t {\n    fill %a, -inf\n"
      "    add %a, %a, 0.5\n    store @x[m, 0], %a\n  }\n}\n";
  const std::string typed =
      "# what it is\nkernel k   target=sm_90a{ let t=64 # rows\n\n\tparam @x bf16 [128,64] strides=[64, 1] "
      "out\r\n"
      "register %a fp32[t,64]\ngrid m in 0..128 step t {\nfill %a,-inf # all\nadd %a,%a,5e-1\n"
      "store @x[m,0],%a\n}}\n# end";
  EXPECT_EQ(ir::print(ir::parse(typed)), canonical);
}

TEST(IrText, ops_know_the_line_that_they_were_read_from) {
  const std::string text = stages_of(pairs()[4].first, pairs()[4].second)["allocate_shared"];
  const std::vector<std::string> lines = lines_of(text);
  int count = 0;
  ir::walk(ir::parse(text).body, [&](const ir::Op& op) {
    EXPECT_EQ(trimmed(lines[op.line - 1]).substr(0, ir::print_head(op).size()), ir::print_head(op));
    ++count;
  });
  EXPECT_GT(count, 50);
}

TEST(IrText, numbers_that_are_no_integers_keep_every_bit) {
  for (double value : {0.5, 1e-30, 0.1, -2.25, 1.0 / 3, 1e300, -HUGE_VAL}) {
    ir::Program program;
    program.name = "k";
    program.body = {ir::op("fill", {ir::tile("a"), ir::number(value)})};
    const ir::Operand read = ir::parse(ir::print(program)).body[0].operands[1];
    EXPECT_EQ(read.kind, ir::Operand::Kind::number);
    EXPECT_EQ(read.number, value);
  }
}

TEST(IrText, a_name_that_starts_like_infinity_is_a_name) {
  const ir::Program program = ir::parse("kernel k {\n  if info > 0 {\n  }\n  fill %a, -inf\n}\n");
  EXPECT_EQ(ir::print(program), "kernel k {\n  if info > 0 {\n  }\n  fill %a, -inf\n}\n");
}

// --- expressions ------------------------------------------------------------------------------------------
ir::Expr parsed(const std::string& text) {
  return ir::parse("kernel k {\n  let x = " + text + "\n}\n").constants[0].second;
}

TEST(IrExpressions, keep_precedence_and_fold) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"a + 1 + 2", "a + 3"},
      {"a + 3 - 3", "a"},
      {"a - 5 + 2", "a - 3"},
      {"2 + a", "a + 2"},
      {"a - (b - c)", "a - (b - c)"},
      {"(a - b) - c", "a - b - c"},
      {"a - (b + c)", "a - (b + c)"},
      {"a / (b * c)", "a / (b * c)"},
      {"(a / b) * c", "a / b * c"},
      {"(a + b) * c", "(a + b) * c"},
      {"a * (b % c)", "a * (b % c)"},
      {"a % 1", "0"},
      {"a * 0", "0"},
      {"0 * a", "0"},
      {"a * 1 / 1", "a"},
      {"1 * a", "a"},
      {"min(a, a)", "a"},
      {"max(3, 5)", "5"},
      {"min(a, max(b, 1)) / 2", "min(a, max(b, 1)) / 2"},
      {"a + b > c * 2", "a + b > c * 2"},
      {"(a > b) + 1", "(a > b) + 1"},
      {"(a == b) != (c <= 1)", "a == b != (c <= 1)"},
      {"7 / 2", "3"},
      {"-7 / 2", "-3"},
      {"-7 % 2", "-1"},
      {"a * -5", "a * (-5)"},
      {"3 < 4", "1"},
      {"5 / 0", "5 / 0"},
  };
  for (const auto& [text, canonical] : cases) {
    EXPECT_EQ(ir::to_text(parsed(text)), canonical) << text;
    EXPECT_EQ(ir::to_text(parsed(canonical)), canonical) << text;
  }
}

TEST(IrExpressions, what_does_not_fit_into_64_bits_is_not_folded) {
  for (const char* text :
       {"1 + 9223372036854775807", "-9223372036854775807 - 2", "9223372036854775807 * 2",
        "(-9223372036854775808) / (-1)", "(-9223372036854775808) % (-1)", "a + 9223372036854775807 + 1"})
    EXPECT_EQ(ir::to_text(parsed(text)), text);
}

// The other way round each term would copy all of the sum before it: 3 s in place of some milliseconds.
TEST(IrExpressions, a_long_sum_takes_time_for_each_of_its_terms_once) {
  const std::clock_t start = std::clock();
  ir::Expr sum = ir::symbol("m");
  for (int i = 0; i < 5000; ++i) sum = std::move(sum) + 1 - ir::symbol("m");
  EXPECT_LT(std::clock() - start, CLOCKS_PER_SEC);
  EXPECT_TRUE(ir::to_text(sum).ends_with("m + 1 - m + 1 - m"));
}

// A random expression: its text with all parentheses, and its value where a = 5, b = -3, c = 7.
struct Sample {
  std::string text;
  int64_t value;
};

int64_t evaluate(const std::string& op, int64_t a, int64_t b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "/") return a / b;
  if (op == "%") return a % b;
  if (op == "min") return std::min(a, b);
  if (op == "max") return std::max(a, b);
  if (op == "<") return a < b;
  if (op == ">=") return a >= b;
  return op == "==" ? a == b : a != b;
}

Sample arbitrary_expression(int depth) {
  if (depth == 0 || *uniform(0, 4) == 0)
    return *rc::gen::element(Sample{"a", 5}, Sample{"b", -3}, Sample{"c", 7}, Sample{"0", 0}, Sample{"1", 1},
                             Sample{"-4", -4}, Sample{"64", 64});
  const std::string op =
      *rc::gen::element<std::string>("+", "-", "*", "/", "%", "min", "max", "<", ">=", "==", "!=");
  const Sample left = arbitrary_expression(depth - 1);
  Sample right = arbitrary_expression(depth - 1);
  if ((op == "/" || op == "%") && right.value == 0) right = {"3", 3};
  const bool call = op == "min" || op == "max";
  return {call ? op + "(" + left.text + ", " + right.text + ")"
               : "(" + left.text + " " + op + " " + right.text + ")",
          evaluate(op, left.value, right.value)};
}

RC_GTEST_PROP(IrExpressions, parsing_printing_and_folding_keep_the_value, ()) {
  const Sample sample = arbitrary_expression(4);
  const ir::Expr read = parsed(sample.text);
  RC_ASSERT(parsed(ir::to_text(read)) == read);
  const ir::Expr folded = ir::substitute(ir::substitute(ir::substitute(read, "a", 5), "b", -3), "c", 7);
  RC_ASSERT(ir::is_constant(folded));
  RC_ASSERT(ir::value(folded) == sample.value);
}

// --- mistakes ---------------------------------------------------------------------------------------------
std::string mistake(const std::string& text) {
  try {
    ir::parse(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::input);
    return error.what();
  }
  return "parsed";
}

TEST(IrMistakes, are_found_with_line_and_column) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "line 1, column 1: 'kernel' expected, found the end of the text"},
      {"kernal k {\n}", "line 1, column 1: 'kernel' expected, found 'kernal'"},
      {"kernel {\n}", "line 1, column 8: the kernel's name expected, found '{'"},
      {"kernel k {\n", "line 2, column 1: '}' expected, found the end of the text: the program is cut off"},
      {"kernel k {\n  grid m in 0 .. 4 {\n", "line 3, column 1: '}' expected, found the end"},
      {"kernel k {\n}\nkernel", "line 3, column 1: text after the kernel's closing brace"},
      {"kernel k {\n  param @x f16 [4]\n}",
       "line 2, column 12: a type expected (bf16, fp16, fp32), found 'f16'"},
      {"kernel k {\n  param $x bf16 [4]\n}", "line 2, column 9: '@' expected before the name"},
      {"kernel k {\n  param @x bf16 4]\n}", "line 2, column 17: '[' expected, found '4'"},
      {"kernel k {\n  param @x bf16 [4, 4\n}", "line 3, column 1: ']' expected, found '}'"},
      {"kernel k {\n  param @x bf16 [4] strides=[1,\n}", "line 2, column 32: ']' expected"},
      {"kernel k {\n  param @x bf16 [4] out out\n}", "line 2, column 25: attribute 'out' stands twice"},
      {"kernel k a=1 a=2 {\n}", "line 1, column 14: attribute 'a' stands twice"},
      {"kernel k {\n  param @x bf16 [4] strides= out\n}", "line 2, column 29: a value expected after '='"},
      {"kernel k {\n  fill %a, (1 + 2\n}", "line 3, column 1: ')' expected, found '}'"},
      {"kernel k {\n  fill %a, min(1 2)\n}", "line 2, column 18: ',' expected, found '2'"},
      {"kernel k {\n  fill %, 1\n}", "line 2, column 9: a tensor's name expected, found ','"},
      {"kernel k {\n  fill %a, *\n}", "line 2, column 12: an expression expected, found '*'"},
      {"kernel k {\n  fill %a, 1 ]\n}", "line 2, column 14: an attribute expected, found ']'"},
      {"kernel k {\n  let a 5\n}", "line 2, column 9: '=' expected, found '5'"},
      {"kernel k {\n  let a = 99999999999999999999\n}", "line 2, column 11: an integer expected"},
      {"kernel k {\n  fill %a, -1e-999\n}", "line 2, column 12: -1e-999 is beyond fp32"},
      {"kernel k {\n  grid m at 0 .. 4 {\n  }\n}", "line 2, column 10: 'in' expected, found 'at'"},
      {"kernel k {\n  grid m in 0 , 4 {\n  }\n}", "line 2, column 15: '..' expected, found ','"},
      {"kernel k {\n  grid m in 0 .. 4 {\n  }\n  param @x bf16 [4]\n}",
       "line 4, column 3: declarations stand before the first op"},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(mistake(text), HasSubstr(message)) << text;
}

TEST(IrMistakes, a_text_cut_off_anywhere_is_an_error_with_a_place) {
  std::string text = stages_of(pairs()[4].first, pairs()[4].second)["allocate_shared"];
  text = text.substr(0, text.rfind('}'));
  for (size_t length = 0; length < text.size(); length += 7)
    EXPECT_THAT(mistake(text.substr(0, length)), testing::MatchesRegex("line [0-9]+, column [0-9]+: .*"))
        << length;
}

TEST(IrMistakes, nesting_without_end_is_an_error_and_no_crash) {
  const std::string deep(200000, '(');
  EXPECT_THAT(mistake("kernel k {\n  let a = " + deep), HasSubstr("line 2, column "));
  std::string blocks = "kernel k {\n";
  for (int i = 0; i < 100000; ++i) blocks += "if 1 {\n";
  EXPECT_THAT(mistake(blocks), HasSubstr("column "));
}

// Each operator of a chain is one level of the tree, and parentheses add up what chains there are in them.
TEST(IrMistakes, expressions_without_end_are_an_error_and_no_crash) {
  std::string chain, chains = "m";
  for (int i = 0; i < 1000; ++i) chain += "m + ";
  EXPECT_EQ(mistake("kernel k {\n  let a = " + chain + "m\n}\n"),
            "line 2, column 4010: more than 1000 terms in the expressions of one op");
  for (int depth = 0; depth < 150; ++depth) {
    chains = "(" + chains;
    for (int i = 0; i < 150; ++i) chains += " + m";
    chains += ") * m";
  }
  EXPECT_THAT(mistake("kernel k {\n  let a = " + chains + "\n}\n"), HasSubstr("more than 1000 terms"));
}

}  // namespace
}  // namespace warpfinch
