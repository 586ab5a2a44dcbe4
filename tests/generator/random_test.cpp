// Properties over random problems, genomes and texts: whatever comes in, a plan, a reason or an error with a
// place comes out.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "generator/ir/ops.hpp"
#include "generator/lower/passes.hpp"
#include "tests/generator/arbitrary_problem.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

Config arbitrary_config(const ConfigSpace& space) {
  Genome genome;
  for (const Gene& gene : space.genes) genome.push_back(*uniform(0, static_cast<int>(gene.values.size())));
  return decode(space, genome);
}

// A random config that the constraints allow, or the default one where some tries find none.
Config arbitrary_valid_config(const Problem& problem) {
  const ConfigSpace space = config_space(problem, sm_90a());
  for (int i = 0; i < 20; ++i) {
    const Config config = arbitrary_config(space);
    if (!check(problem, config, sm_90a())) return config;
  }
  return default_config(problem);
}

int balance(const std::string& text, char open, char close) {
  int depth = 0;
  for (char c : text) {
    depth += (c == open) - (c == close);
    if (depth < 0) return depth;
  }
  return depth;
}

TEST(Reasons, digits_of_names_are_no_numbers) {
  for (const char* text : {"needs 241 KB", "k_tile=24", "at 0.5", "8", "head_dim=80, n/2"})
    EXPECT_TRUE(carries_a_number(text)) << text;
  for (const char* text : {"", "order=softmax_first", "always", "fp16 and sm_90a", "no 4k", "v2_x"})
    EXPECT_FALSE(carries_a_number(text)) << text;
  EXPECT_TRUE(says_values("pin=none needs order=qk_first"));
  EXPECT_FALSE(says_values("order=qk_first is not for this one"));
}

// --- plans ------------------------------------------------------------------------------------------------
RC_GTEST_PROP(RandomConfigs, every_genome_becomes_a_verified_program_or_a_reason, (const Problem& problem)) {
  const Config config = arbitrary_config(config_space(problem, sm_90a()));
  const auto plan = generate(problem, config, sm_90a());
  RC_CLASSIFY(static_cast<bool>(plan));
  if (!plan) {
    RC_LOG() << to_text(config) << ": " << plan.rejection().stage << ": " << plan.rejection().reason;
    RC_ASSERT(!plan.rejection().stage.empty());
    RC_ASSERT(says_values(plan.rejection().reason));
    return;
  }
  for (const Launch& launch : plan->launches) {
    const ir::Program program = ir::parse(launch.program);
    RC_ASSERT(ir::print(program) == launch.program);
    RC_ASSERT(!lower::verify(program, sm_90a()));
  }
}

RC_GTEST_PROP(RandomConfigs, what_the_constraints_allow_the_passes_can_do, (const Problem& problem)) {
  const Config config = arbitrary_valid_config(problem);
  const auto plan = generate(problem, config, sm_90a());
  RC_LOG() << to_text(config) << (plan ? "" : ": " + plan.rejection().reason);
  RC_ASSERT(plan);
}

RC_GTEST_PROP(RandomConfigs, the_same_input_gives_the_same_bytes, (const Problem& problem)) {
  const Config config = arbitrary_valid_config(problem);
  const auto first = generate(problem, config, sm_90a()), second = generate(problem, config, sm_90a());
  RC_ASSERT(first && second && *first == *second);
}

// --- kernels ----------------------------------------------------------------------------------------------
RC_GTEST_PROP(RandomKernels, braces_balance_and_every_line_knows_its_ir_line, (const Problem& problem)) {
  const auto plan = generate(problem, arbitrary_valid_config(problem), sm_90a());
  RC_ASSERT(plan);
  for (const Launch& launch : plan->launches) {
    const std::vector<std::string> kernel = lines_of(launch.source.kernel), ir = lines_of(launch.program);
    RC_ASSERT(balance(without_comments(launch.source.kernel), '{', '}') == 0);
    RC_ASSERT(balance(without_comments(launch.source.kernel), '(', ')') == 0);
    RC_ASSERT(launch.source.ir_lines.size() == kernel.size());
    std::set<int> reached;
    for (size_t i = 0; i < kernel.size(); ++i) {
      const int line = launch.source.ir_lines[i];
      RC_ASSERT(line >= 0 && line <= static_cast<int>(ir.size()));
      if (line == 0) continue;
      reached.insert(line);
      // A call carries the name of its op.
      const std::string op = trimmed(ir[line - 1]).substr(0, trimmed(ir[line - 1]).find(' '));
      const ir::OpInfo* info = ir::find_op(op);
      if (info && info->group != ir::Group::structure) RC_ASSERT(trimmed(kernel[i]).starts_with(op));
    }
    // Every op of the program is somewhere in the kernel, but for integers that an axis of one tile makes
    // constant.
    ir::walk(ir::parse(launch.program).body, [&](const ir::Op& op) {
      if (op.name != "role" && op.name != "let") RC_ASSERT(reached.contains(op.line));
    });
  }
}

RC_GTEST_PROP(RandomKernels, launches_fit_the_target_and_arguments_the_buffers, (const Problem& problem)) {
  const auto plan = generate(problem, arbitrary_valid_config(problem), sm_90a());
  RC_ASSERT(plan);
  RC_ASSERT(plan->buffers.size() == buffers(problem).size());
  for (const Launch& launch : plan->launches) {
    RC_ASSERT(launch.shared_bytes <= sm_90a().shared_bytes_per_block);
    RC_ASSERT(launch.threads % 32 == 0 && launch.threads <= sm_90a().max_threads_per_block);
    RC_ASSERT(launch.launch_registers * launch.threads <= sm_90a().registers_per_multiprocessor);
    RC_ASSERT(launch.tiles >= 1);
    for (const Argument& argument : launch.arguments) {
      RC_ASSERT(argument.buffer.buffer >= -1);
      RC_ASSERT(argument.buffer.buffer < static_cast<int>(plan->buffers.size()));
      if (argument.buffer.buffer < 0)
        RC_ASSERT(argument.buffer.offset < plan->workspace_bytes && argument.buffer.offset % 16 == 0);
      if (argument.kind != Argument::Kind::tensor_map) continue;
      const TensorMap& map = argument.map;
      RC_ASSERT(map.byte_strides.size() + 1 == map.shape.size());
      for (int64_t stride : map.byte_strides) RC_ASSERT(stride > 0 && stride % 16 == 0);
      for (int extent : map.box) RC_ASSERT(extent >= 1 && extent <= 256);
      RC_ASSERT(map.box[0] * size_of(map.type) <= map.swizzle);
    }
  }
}

// --- texts ------------------------------------------------------------------------------------------------
// Words of a text: names and numbers, runs of blanks, single characters.
std::vector<std::string> words_of(const std::string& text) {
  const auto kind = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' ? 1 : c == ' ' ? 2 : 0;
  };
  std::vector<std::string> words;
  for (char c : text) {
    if (!words.empty() && kind(c) && kind(c) == kind(words.back().back()))
      words.back() += c;
    else
      words.emplace_back(1, c);
  }
  return words;
}

// Replaces, drops, doubles or swaps a word, or puts in one that means something.
void spoil(std::vector<std::string>& words, std::mt19937& random) {
  static const char* const kWords[] = {
      "0",  "-1",  "1",    "7",     "64",   "99999999999", "mma", "load", "{",   "}",
      "\n", "%",   "$",    "@",     "inf",  "rows",        "tma", "ld",   "via", "role",
      "if", "for", "grid", "let",   "warp", "a",           "k",   "[",    "]",   ",",
      "=",  "..",  "step", "bytes", "regs", "alias",       "min", "(",    "^T",  "warpgroup"};
  const auto any = [&](size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random); };
  const size_t at = any(words.size());
  switch (any(5)) {
    case 0:
      words[at] = kWords[any(std::size(kWords))];
      break;
    case 1:
      words.erase(words.begin() + at);
      break;
    case 2:
      words.insert(words.begin() + at, std::string(words[at]));
      break;
    case 3:
      std::swap(words[at], words[any(words.size())]);
      break;
    default:
      words[at] = words[any(words.size())];
  }
}

std::vector<std::string> seeds() {
  std::vector<std::string> texts;
  for (const auto& [problem, config] : std::vector<std::pair<std::string, std::string>>{
           {"gemm m=300 n=200 k=104 epilogue=bias_gelu", "n_tile=64"},
           {"gemm batch=2 m=300 n=201 k=100 layout=nn", "consumer_warpgroups=1"},
           {"softmax rows=100 columns=300 mask=causal", ""},
           {"attention_forward q_len=300 head_dim=64 mask=causal lse=true", "pingpong=issue"}}) {
    const auto stages = stages_of(problem, config);
    texts.push_back(stages.at("build"));
    texts.push_back(stages.at("allocate_shared"));
  }
  return texts;
}

// Reads the text as a user's program would be; what comes out besides a plan must be a clear line.
void expect_clear_answer(const std::string& text, int counts[3]) {
  try {
    const auto plan = generate_program(text, sm_90a());
    ++counts[plan ? 0 : 1];
    if (!plan) {
      EXPECT_FALSE(plan.rejection().stage.empty());
      EXPECT_FALSE(plan.rejection().reason.empty());
    }
  } catch (const Error& error) {
    ++counts[2];
    EXPECT_EQ(error.kind, ErrorKind::input) << text;
    EXPECT_FALSE(std::string(error.what()).empty());
  }
}

TEST(RandomTexts, spoiled_programs_are_accepted_refused_or_wrong_but_crash_nothing) {
  int counts[3] = {0, 0, 0};                              // plans, rejections, errors
  const char* wanted = std::getenv("WARPFINCH_SPOILED");  // more of them, from another seed
  const int rounds = wanted ? std::atoi(wanted) : 400;
  std::mt19937 random(wanted ? rounds : 1);
  for (const std::string& seed : seeds()) {
    const std::vector<std::string> words = words_of(seed);
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::string> spoiled = words;
      for (int n = std::uniform_int_distribution<int>(1, 3)(random); n-- > 0;) spoil(spoiled, random);
      std::string text;
      for (const std::string& word : spoiled) text += word;
      SCOPED_TRACE(text);
      expect_clear_answer(text, counts);
    }
  }
  EXPECT_GT(counts[0], rounds / 10);
  EXPECT_GT(counts[1], rounds / 2);
  EXPECT_GT(counts[2], rounds / 2);
}

}  // namespace
}  // namespace warpfinch
