// The static model and the ranking that it gives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "generator/config_space.hpp"

namespace warpfinch {
namespace {

const Target& sm_90a() { return target_by_name("sm_90a"); }

const Gene& gene_named(const ConfigSpace& space, std::string_view name) {
  return *std::find_if(space.genes.begin(), space.genes.end(),
                       [&](const Gene& gene) { return gene.name == name; });
}

constexpr const char* kD64 = "attention_forward q_len=1024 head_dim=64";
constexpr const char* kGemm = "gemm m=1024 n=1024 k=1024";

// ------------------------------------------------------------------------------------------------
void expect_ranked(const Problem& problem, const std::vector<Config>& ranked) {
  const ConfigSpace space = config_space(problem, sm_90a());
  std::set<std::string> texts;
  double last = 0;
  for (const Config& config : ranked) {
    EXPECT_FALSE(check(problem, config, sm_90a())) << to_text(config);
    EXPECT_TRUE(encode(space, config)) << to_text(config);
    const double us = predict_us(problem, config, sm_90a());
    EXPECT_GE(us, last * (1 - 1e-12)) << to_text(config);
    last = us;
    texts.insert(to_text(config));
  }
  EXPECT_EQ(texts.size(), ranked.size()) << "a config stands twice";
}

TEST(Ranking, is_sorted_valid_without_repeats_and_repeatable) {
  for (const char* text :
       {kD64, kGemm, "softmax rows=64 columns=1000", "attention_three_kernel q_len=100 head_dim=64",
        "attention_forward q_len=77 kv_len=1 q_heads=8 kv_heads=2 head_dim=128 mask=causal"}) {
    const Problem problem = parse_problem(text);
    const ConfigSpace space = config_space(problem, sm_90a());
    const std::vector<Config> ranked = rank(space, 300);
    EXPECT_FALSE(ranked.empty()) << text;
    expect_ranked(problem, ranked);
    EXPECT_EQ(rank(space, 300), ranked) << text;
    const std::vector<Config> few = rank(space, 5);
    EXPECT_TRUE(std::equal(few.begin(), few.end(), ranked.begin())) << text;
  }
}

// Of a space with two values per gene, all valid points by brute force.
// The same space, every value of two genes standing there thrice: too large to be walked, and with the same
// best.
TEST(Ranking, descends_to_the_best_of_a_space_too_large_to_be_walked) {
  for (const char* text : {"attention_forward q_heads=32 kv_heads=8 q_len=4096 head_dim=64 mask=causal",
                           "attention_forward batch=2 q_heads=16 q_len=300 head_dim=128",
                           "attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16"}) {
    ConfigSpace space = config_space(parse_problem(text), sm_90a());
    const double best = predict_us(space.problem, rank(space, 1).at(0), sm_90a());
    for (size_t gene : {2, 3}) {
      const std::vector<std::string> values = space.genes[gene].values;
      for (int i = 0; i < 2; ++i)
        space.genes[gene].values.insert(space.genes[gene].values.end(), values.begin(), values.end());
    }
    ASSERT_GT(size(space), 50000);
    EXPECT_EQ(predict_us(space.problem, rank(space, 1).at(0), sm_90a()), best) << text;
    EXPECT_EQ(rank(space, 30), rank(space, 30)) << text;
  }
}

TEST(Ranking, draws_the_best_sums_of_three_kernels) {
  const Problem problem = parse_problem("attention_three_kernel q_heads=4 q_len=500 head_dim=64");
  ConfigSpace space = config_space(problem, sm_90a());
  for (Gene& gene : space.genes)
    gene.values.resize(std::min<size_t>(gene.values.size(), gene.name[0] == '1' ? 2 : 1));
  for (const char* name : {"0.n_tile", "0.k_tile", "2.stages", "2.group"})
    for (Gene& gene : space.genes)
      if (gene.name == name) gene.values = gene_named(config_space(problem, sm_90a()), name).values;
  std::vector<double> expected;
  Genome genome(space.genes.size(), 0);
  for (bool more = true; more;) {
    const Config config = decode(space, genome);
    if (!check(problem, config, sm_90a())) expected.push_back(predict_us(problem, config, sm_90a()));
    more = false;
    for (size_t i = 0; i < genome.size() && !more; ++i) {
      more = ++genome[i] < static_cast<int>(space.genes[i].values.size());
      if (!more) genome[i] = 0;
    }
  }
  std::sort(expected.begin(), expected.end());
  const std::vector<Config> ranked = rank(space, expected.size() + 1);
  ASSERT_EQ(ranked.size(), expected.size());
  for (size_t i = 0; i < ranked.size(); ++i)
    EXPECT_NEAR(predict_us(problem, ranked[i], sm_90a()), expected[i], 1e-9 * expected[i]);
}

double best_us(const std::string& text) {
  const Problem problem = parse_problem(text);
  return predict_us(problem, rank(config_space(problem, sm_90a()), 1).at(0), sm_90a());
}

// The model has to be about right where kernels were measured: schedules with conditional, on an H200.
TEST(StaticModel, is_within_a_quarter_of_measured_kernels) {
  const auto us = [](std::string_view problem_text, std::string_view config_text) {
    const Problem problem = parse_problem(problem_text);
    return predict_us(problem, parse_config(config_text, problem), sm_90a());
  };
  EXPECT_NEAR(us("attention_forward batch=2 q_heads=16 q_len=2048 head_dim=64",
                 "consumer_warpgroups=4 key_tile=64 k_stages=4 v_stages=4 order=qk_first pingpong=issue "
                 "max_policy=conditional tile_order=static"),
              66.0, 66.0 / 4);
  EXPECT_NEAR(
      us("attention_forward batch=2 q_heads=16 q_len=2048 head_dim=64", "order=pv_first tile_order=static"),
      75.1, 75.1 / 4);
  EXPECT_NEAR(us("attention_forward batch=4 q_heads=32 q_len=4096 head_dim=128",
                 "order=qk_first pingpong=issue max_policy=conditional tile_order=static"),
              1732, 1732.0 / 4);
  EXPECT_NEAR(us("attention_forward q_heads=32 kv_heads=8 q_len=4096 head_dim=64 mask=causal",
                 "consumer_warpgroups=4 key_tile=64 k_stages=4 v_stages=4 order=qk_first "
                 "max_policy=conditional tile_order=static"),
              144, 144.0 / 4);
  // All heads at a time ask for more keys than L2 holds.
  const std::string causal = "attention_forward batch=8 q_heads=32 q_len=4096 head_dim=128 mask=causal";
  const std::string best =
      "order=qk_first pingpong=issue max_policy=first_tile tile_order=static staging=own q_stages=2";
  EXPECT_NEAR(us(causal, best), 2324, 2324.0 / 4);
  EXPECT_NEAR(us(causal, best + " head_group=4"), 1894, 1894.0 / 4);
  EXPECT_GT(us(causal, best), 1.1 * us(causal, best + " head_group=4"));
}

TEST(StaticModel, less_work_takes_less_time) {
  EXPECT_LT(best_us("attention_forward q_heads=32 q_len=4096 head_dim=64 mask=causal"),
            0.7 * best_us("attention_forward q_heads=32 q_len=4096 head_dim=64"));
  EXPECT_LT(best_us("attention_forward q_heads=32 q_len=4096 head_dim=64"),
            best_us("attention_forward q_heads=32 q_len=4096 head_dim=128"));
  EXPECT_LT(best_us("gemm m=2048 n=4096 k=4096"), best_us("gemm m=4096 n=4096 k=4096"));
  EXPECT_LT(best_us("softmax rows=16384 columns=8192"), best_us("softmax rows=65536 columns=8192"));
  EXPECT_LT(best_us("attention_forward q_heads=16 q_len=1024 head_dim=64"),
            best_us("attention_three_kernel q_heads=16 q_len=1024 head_dim=64"));
}

TEST(StaticModel, never_beats_the_memory_or_the_matrix_units) {
  const Target& target = sm_90a();
  for (const char* text :
       {"gemm m=16 n=16384 k=16384", "gemm m=8192 n=8192 k=8192", "softmax rows=65536 columns=1024",
        "attention_forward batch=8 q_heads=32 q_len=1 kv_len=8192 head_dim=128",
        "attention_forward batch=4 q_heads=32 q_len=8192 head_dim=128"}) {
    const Problem problem = parse_problem(text);
    const double matrix_rate = target.mma_flops_per_clock * target.clock_ghz * 1e9 * target.multiprocessors;
    const double floor_us = 1e6 * bytes(problem) / target.memory_bytes_per_second;
    EXPECT_GT(best_us(text), floor_us) << text;
    if (!std::holds_alternative<Softmax>(problem)) {
      EXPECT_GT(best_us(text), 1e6 * flops(problem) / matrix_rate) << text;
    }
  }
}

}  // namespace
}  // namespace warpfinch
