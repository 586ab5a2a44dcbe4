// The search space: genes, and constraints with their numbers.
#include "generator/config_space.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/generator/arbitrary_problem.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

Genome arbitrary_genome(const ConfigSpace& space) {
  Genome genome;
  for (const Gene& gene : space.genes) genome.push_back(*uniform(0, static_cast<int>(gene.values.size())));
  return genome;
}

// The reason why `config` is refused for `problem`, or "valid".
std::string reason(std::string_view problem_text, std::string_view config_text) {
  const Problem problem = parse_problem(problem_text);
  const auto rejection = check(problem, parse_config(config_text, problem), sm_90a());
  if (!rejection) return "valid";
  EXPECT_EQ(rejection->stage, "config");
  return rejection->reason;
}

// --- genes ------------------------------------------------------------------------------------------------
RC_GTEST_PROP(ConfigSpaces, every_genome_decodes_and_encodes_back, (const Problem& problem)) {
  const ConfigSpace space = config_space(problem, sm_90a());
  const Genome genome = arbitrary_genome(space);
  const Config config = decode(space, genome);
  RC_ASSERT(encode(space, config) == genome);
  RC_ASSERT(parse_config(to_text(config), problem) == config);
}

RC_GTEST_PROP(ConfigSpaces, every_genome_is_valid_or_refused_with_values, (const Problem& problem)) {
  const ConfigSpace space = config_space(problem, sm_90a());
  const Config config = decode(space, arbitrary_genome(space));
  const auto rejection = check(problem, config, sm_90a());
  RC_CLASSIFY(!rejection);
  if (rejection) {
    RC_ASSERT(rejection->stage == "config");
    RC_ASSERT(says_values(rejection->reason));
  } else {
    const double us = predict_us(problem, config, sm_90a());
    RC_ASSERT(std::isfinite(us) && us > 0);
  }
}

std::vector<std::string> gene_names(const ConfigSpace& space) {
  std::vector<std::string> names;
  for (const Gene& gene : space.genes) names.push_back(gene.name);
  return names;
}

TEST(ConfigSpaces, genes_are_the_fields_of_the_config) {
  const ConfigSpace softmax = config_space(parse_problem("softmax rows=8 columns=8"), sm_90a());
  EXPECT_THAT(gene_names(softmax), testing::ElementsAre("warps", "column_tile", "tile_order", "unroll"));
  EXPECT_EQ(size(softmax), 4 * 4 * 2);
  const auto names =
      gene_names(config_space(parse_problem("attention_three_kernel q_len=8 head_dim=64"), sm_90a()));
  EXPECT_EQ(names.front(), "0.consumer_warpgroups");
  EXPECT_THAT(names, testing::Contains("1.column_tile"));
  EXPECT_THAT(names, testing::Contains("2.stages"));
}

const Gene& gene_named(const ConfigSpace& space, std::string_view name) {
  return *std::find_if(space.genes.begin(), space.genes.end(),
                       [&](const Gene& gene) { return gene.name == name; });
}

TEST(ConfigSpaces, hints_to_l2_are_a_choice_only_beyond_what_it_holds) {
  const auto values = [](std::string_view problem) {
    return gene_named(config_space(parse_problem(problem), sm_90a()), "cache").values.size();
  };
  EXPECT_EQ(values("attention_forward q_heads=16 q_len=1024 head_dim=64"), 1u) << "8 MB";
  EXPECT_EQ(values("attention_forward batch=4 q_heads=32 q_len=4096 head_dim=128"), 2u) << "512 MB";
}

TEST(ConfigSpaces, a_config_outside_of_the_domains_has_no_genome) {
  const Problem problem = parse_problem("gemm m=64 n=64 k=64");
  const ConfigSpace space = config_space(problem, sm_90a());
  EXPECT_TRUE(encode(space, parse_config("n_tile=128", problem)));
  EXPECT_FALSE(encode(space, parse_config("n_tile=120", problem)));
  EXPECT_FALSE(encode(space, parse_config("copy=ld", problem)));
  EXPECT_FALSE(encode(space, Config{}));
  EXPECT_FALSE(encode(space, Config{{SoftmaxConfig{}}}));
}

// --- constraints
// --------------------------------------------------------------------------------------------
constexpr const char* kD64 = "attention_forward q_len=1024 head_dim=64";
constexpr const char* kD128 = "attention_forward q_len=1024 head_dim=128";
constexpr const char* kWindow = "attention_forward q_len=1000 head_dim=64 mask=causal window_left=100";
constexpr const char* kGemm = "gemm m=1024 n=1024 k=1024";

TEST(Constraints, reasons_carry_the_numbers) {
  EXPECT_EQ(reason(kD128, "consumer_warpgroups=2 key_tile=192 k_stages=2 v_stages=3"),
            "needs 273 KB of shared memory (q 32 KB, k 96 KB, v 144 KB, o 0 KB, barriers 1 KB), a block has "
            "227 KB");
  EXPECT_EQ(
      reason(kD64, "consumer_warpgroups=1 key_tile=128 k_stages=4 v_stages=3 staging=own ctas_per_sm=2"),
      "needs 129 KB of shared memory (q 8 KB, k 64 KB, v 48 KB, o 8 KB, barriers 1 KB), a block has 113 KB");
  EXPECT_EQ(reason("softmax rows=64 columns=64", "tile_order=dynamic"),
            "tile_order=dynamic needs a producer that claims the tiles; the 4 warps of softmax have none");
  const std::string equal =
      "tile_order=balanced is for attention under a mask with one edge; here all tiles are equally long";
  EXPECT_EQ(reason("gemm m=512 n=512 k=64", "tile_order=balanced"), equal);
  EXPECT_EQ(reason("attention_forward q_heads=4 q_len=2048 head_dim=64", "tile_order=balanced"), equal);
  EXPECT_EQ(reason("attention_forward q_heads=64 q_len=8192 head_dim=64 mask=causal",
                   "consumer_warpgroups=2 key_tile=64 tile_order=balanced"),
            "tile_order=balanced lists 4096 tiles, at most 2048");
  const std::string causal = "attention_forward q_heads=6 q_len=2048 head_dim=64 mask=causal";
  EXPECT_EQ(reason(causal, "head_group=4"), "head_group=4 does not divide the 6 heads");
  EXPECT_EQ(reason(causal, "head_group=-2"), "head_group=-2 does not divide the 6 heads");
  EXPECT_EQ(reason(causal, "head_group=3 tile_order=balanced"),
            "head_group=3 is no order within the lists of tile_order=balanced");
  EXPECT_THAT(reason("attention_forward batch=2 q_heads=8 q_len=4096 head_dim=128",
                     "consumer_warpgroups=1 key_tile=96 k_stages=2 v_stages=2 max_policy=first_tile "
                     "tile_order=dynamic ctas_per_sm=2"),
              testing::HasSubstr("barriers 1 KB, claims 1072 bytes"));
  EXPECT_EQ(reason(kD64, "key_tile=192 stage_tiles=2 k_stages=1 v_stages=1"),
            "a stage of 384 keys: a copy brings at most 256");
  EXPECT_THAT(reason(kWindow, "extents=warpgroup"),
              testing::HasSubstr("needs mask_loop=branch and pingpong=none, it has split and none"));
  EXPECT_THAT(reason(kWindow, "stage_tiles=2"), testing::HasSubstr("needs mask_loop=branch"));
  EXPECT_EQ(reason(kWindow, "order=softmax_first"),
            "order=softmax_first with a window's left edge needs mask_loop=branch");
  EXPECT_EQ(reason(kWindow, "order=softmax_first mask_loop=branch extents=warpgroup"), "valid");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=4 key_tile=80"),
            "needs 122 registers per thread (S 40, P 20, O 32, others 30), 4 consumer warpgroups have 112");
  EXPECT_EQ(
      reason(kD64, "consumer_warpgroups=4 key_tile=64 q_in=registers"),
      "needs 126 registers per thread (S 32, P 16, O 32, Q 16, others 30), 4 consumer warpgroups have 112");
  EXPECT_EQ(
      reason("attention_forward q_len=64 head_dim=16", "consumer_warpgroups=4 key_tile=144 q_in=registers"),
      "a wgmma of 144 columns needs 102 registers, the launch allots 96 to a thread");
  EXPECT_EQ(reason(kGemm, "consumer_warpgroups=4 n_tile=256 stages=2"),
            "a wgmma of 256 columns needs 154 registers, the launch allots 96 to a thread");
  EXPECT_EQ(reason(kGemm, "consumer_warpgroups=3 n_tile=192 k_tile=128 stages=2"), "valid");
  EXPECT_EQ(reason(kGemm, "consumer_warpgroups=2 n_tile=256 k_tile=128 stages=3"),
            "needs 289 KB of shared memory (ring 288 KB, barriers 1 KB), a block has "
            "227 KB");
  EXPECT_EQ(reason("gemm m=8 n=8 k=8 output=fp32", "consumer_warpgroups=4 n_tile=128 k_tile=32 stages=2"),
            "valid");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=1 pingpong=issue"),
            "pingpong=issue needs at least 2 consumers to take turns, consumer_warpgroups=1");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=1 pingpong=exponentials"),
            "pingpong=exponentials needs at least 2 consumers to take turns, consumer_warpgroups=1");
  EXPECT_THAT(reason(kWindow, "pingpong=exponentials mask_loop=branch extents=warpgroup"),
              testing::HasSubstr("needs mask_loop=branch and pingpong=none, it has branch and exponentials"));
  EXPECT_EQ(reason(kD64, "key_tile=128 kv_splits=5"),
            "kv_splits=5: 8 key tiles in splits of 2 leave the last split without keys");
  EXPECT_EQ(reason(kD64, "key_tile=96 kv_splits=4"), "valid");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=4 key_tile=64 order=pv_first max_policy=speculative"), "valid");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=4 key_tile=64 order=qk_first max_policy=speculative"),
            "needs 128 registers per thread (S 32, P 16, O 32, exponentials beside S 32, others 16), 4 "
            "consumer warpgroups have 112");
  EXPECT_EQ(reason(kD128,
                   "consumer_warpgroups=2 key_tile=128 order=qk_first pingpong=issue max_policy=speculative"),
            "valid");
  EXPECT_EQ(reason("attention_forward q_heads=8 q_len=1 head_dim=64", "pack_gqa=true"),
            "pack_gqa=true wants several query heads per KV head, there are 8 and 8");
  EXPECT_EQ(reason(kD64, "order=qk_first max_policy=sum_guard pin=none"),
            "pin=none is what pin=sums is with max_policy=sum_guard, whose check holds the sums");
  EXPECT_EQ(reason(kD64, "order=qk_first max_policy=sum_guard pin=exponentials"), "valid");
  EXPECT_EQ(reason(kD64, "order=softmax_first pin=exponentials"),
            "pin=exponentials needs order=qk_first, where a product runs beside the softmax");
  EXPECT_EQ(reason(kD64, "order=qk_first pingpong=exponentials pin=none"),
            "pin=none is what pin=sums is with pingpong=exponentials: 2 warpgroups' turns hold both");
  EXPECT_EQ(reason(kD64, "order=qk_first pingpong=issue pin=none"), "valid");
  EXPECT_EQ(reason(kD128, "consumer_warpgroups=3 key_tile=128 k_stages=1 v_stages=2"),
            "needs 190 registers per thread (S 64, P 32, O 64, others 30), 3 consumer warpgroups have 160");
  EXPECT_EQ(reason(kD128, "consumer_warpgroups=3 key_tile=128 k_stages=1 v_stages=2 p_in=shared"), "valid");
  EXPECT_EQ(
      reason(kD128, "consumer_warpgroups=2 key_tile=128 k_stages=3 v_stages=3 p_in=shared"),
      "needs 257 KB of shared memory (q 32 KB, k 96 KB, v 96 KB, p 32 KB, o 0 KB, barriers 1 KB), a block "
      "has 227 KB");
  EXPECT_EQ(reason(kD64, "scale_q=true"), "scale_q=true multiplies Q in registers, it has q_in=shared");
  EXPECT_EQ(reason(kD64, "scale_q=true q_in=registers"), "valid");
  EXPECT_EQ(
      reason("attention_forward q_len=64 head_dim=64 scale=0.7 dtype=fp16", "scale_q=true q_in=registers"),
      "scale_q=true: Q times 1.0098865 may not be finite any more");
  EXPECT_EQ(reason(kD64, "polynomial=3"), "polynomial=3: must be one of 0, 1, 2, 4, 8");
  EXPECT_EQ(reason(kD64, "polynomial=-1"), "polynomial=-1: must be one of 0, 1, 2, 4, 8");
  EXPECT_EQ(reason(kD64, "cache=keep_kv copy=ld"),
            "cache=keep_kv is a hint to the copy engine, which copy=ld does without");
  EXPECT_EQ(reason(kD64, "cache=kv_last kv_copy=cp_async"),
            "cache=kv_last is a hint to the copy engine, which kv_copy=cp_async does without");
  EXPECT_EQ(reason(kD64, "cache=kv_last q_copy=cp_async"), "valid");
  EXPECT_EQ(reason(kD64, "cache=qo_first copy=cp_async"),
            "cache=qo_first is a hint to the copy engine, which copy=cp_async does without");
  EXPECT_EQ(reason(kD64, "cache=qo_first kv_copy=ld"), "valid");
  EXPECT_EQ(reason(kD64, "cluster=2 kv_copy=cp_async"),
            "cluster=2 has the copy engine bring K and V to 2 blocks at once, which kv_copy=cp_async does "
            "without");
  EXPECT_EQ(reason(kD64, "cluster=2 q_copy=cp_async"), "valid");
  EXPECT_EQ(reason("attention_forward q_len=64 head_dim=80", "swizzle=64"),
            "swizzle=64: rows of 80 columns have 160 bytes, no multiple of 64");
  EXPECT_EQ(reason("attention_forward q_len=64 head_dim=80", "swizzle=32"), "valid");
  EXPECT_EQ(reason("attention_forward q_len=64 head_dim=64 value_dim=80", "swizzle=64"),
            "swizzle=64: rows of 80 columns have 160 bytes, no multiple of 64");
  EXPECT_EQ(reason(kD64, "cluster=2 tile_order=dynamic"),
            "cluster=2 wants tile_order=flat or static: each of its 2 blocks would claim a tile of its own");
  EXPECT_EQ(reason(kD64, "cluster=3"), "cluster=3: must be one of 1, 2, 4");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=4 key_tile=64 cluster=4"), "valid");
  EXPECT_EQ(reason("attention_forward q_len=700 head_dim=64", "consumer_warpgroups=4 key_tile=64 cluster=4"),
            "cluster=4 wants as many row tiles: 700 rows in tiles of 256 are 3");
  EXPECT_EQ(reason(kD64, "key_tile=80 cluster=2"), "valid");
  EXPECT_EQ(reason(kD64, "key_tile=80 cluster=4"),
            "cluster=4: a stage of 80 keys comes in 4 equal parts of whole swizzles, 8 keys each");
  EXPECT_EQ(reason(kD64, "copy=ld cluster=2"),
            "cluster=2 has the copy engine bring K and V to 2 blocks at once, which copy=ld does without");
  EXPECT_EQ(
      reason("attention_forward q_heads=2 q_len=200 head_dim=64 k_strides=[25800,64,129,1]", "cluster=2"),
      "cluster=2 has the copy engine bring k to 2 blocks at once, but not with strides of [25800, 64, 129, "
      "1] elements");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=5"),
            "consumer_warpgroups=5: a block has 1 to 4 consumer warpgroups beside its producer");
  EXPECT_EQ(reason(kD64, "key_tile=100"), "key_tile=100: must be a multiple of 16 from 16 to 256");
  EXPECT_EQ(reason(kGemm, "n_tile=264"), "n_tile=264: must be a multiple of 8 from 8 to 256");
  EXPECT_EQ(reason(kGemm, "k_tile=-16"), "k_tile=-16: must be a multiple of 16 from 16 to 256");
  EXPECT_EQ(reason(kGemm, "stages=0"), "stages=0: must be 1 to 32");
  EXPECT_EQ(reason("softmax rows=8 columns=8", "column_tile=512"),
            "needs 286 registers per thread (row tile 256, others 30), a thread has 255");
}

TEST(Constraints, producers_keep_what_there_is_and_what_they_need) {
  EXPECT_EQ(reason(kD64, "producer_regs=48"), "producer_regs=48: must be one of 0, 24, 32, 40, 56");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=1 producer_regs=40"),
            "producer_regs=40: 1 consumer warpgroup has 255 registers per thread as it is");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=1 ctas_per_sm=2 k_stages=1 v_stages=1 producer_regs=40"),
            "valid");
  EXPECT_EQ(reason("attention_forward q_len=1024 head_dim=16",
                   "consumer_warpgroups=4 key_tile=16 order=pv_first ctas_per_sm=2 producer_regs=56"),
            "producer_regs=56: the launch allots 48 to a thread, and a producer only gives");
  const std::string copies = "producer_regs=40: a producer whose threads copy needs 56";
  EXPECT_EQ(reason(kD64, "copy=ld producer_regs=40"), copies);
  EXPECT_EQ(reason("attention_forward q_heads=2 q_len=200 head_dim=64 k_strides=[25800,64,129,1]",
                   "producer_regs=40"),
            copies);
  EXPECT_EQ(
      reason("attention_forward q_heads=3 kv_heads=1 q_len=3 kv_len=200 head_dim=64 q_strides=[960,320,96,1]",
             "pack_gqa=true ctas_per_sm=2 consumer_warpgroups=1 key_tile=64 producer_regs=40"),
      copies);
  EXPECT_EQ(reason(kD64, "copy=ld producer_regs=56"), "valid");
  EXPECT_EQ(reason("attention_forward q_len=1024 head_dim=16",
                   "consumer_warpgroups=4 key_tile=16 order=pv_first ctas_per_sm=2 copy=ld"),
            "a producer whose threads copy needs 56 registers, the launch allots 48 to a thread");
}

// What the producer keeps the consumers do not get.
TEST(Constraints, registers_of_consumers_follow_the_producers) {
  EXPECT_EQ(reason(kD128, "consumer_warpgroups=3 key_tile=96 producer_regs=32 k_stages=1 v_stages=1"),
            "valid");
  EXPECT_EQ(reason(kD128, "consumer_warpgroups=3 key_tile=96 producer_regs=56 k_stages=1 v_stages=1"),
            "needs 166 registers per thread (S 48, P 24, O 64, others 30), 3 consumer warpgroups have 152");
}

TEST(Constraints, in_a_plan_of_several_the_reason_names_the_kernel) {
  EXPECT_EQ(
      reason("attention_three_kernel q_len=64 head_dim=64", "gemm:{} softmax:{column_tile=512} gemm:{}"),
      "kernel 1 (softmax): needs 286 registers per thread (row tile 256, others 30), a thread has 255");
}

// 144 keys of 80 columns are 22.5 KB, and take 23.
TEST(Constraints, shared_memory_is_counted_in_whole_kilobytes_per_stage) {
  EXPECT_EQ(
      reason("attention_forward q_len=1 head_dim=256 value_dim=80 mask=causal",
             "consumer_warpgroups=2 key_tile=144 k_stages=1 v_stages=4 order=pv_first"),
      "needs 229 KB of shared memory (q 64 KB, k 72 KB, v 92 KB, o 0 KB, barriers 1 KB), a block has 227 KB");
}

TEST(Constraints, the_fastest_measured_schedules_are_valid) {
  EXPECT_EQ(
      reason(kD64,
             "consumer_warpgroups=4 key_tile=64 k_stages=4 v_stages=4 pingpong=issue max_policy=conditional"),
      "valid");
  EXPECT_EQ(reason(kD64, "consumer_warpgroups=3 key_tile=128 k_stages=3 v_stages=3 order=pv_first"), "valid");
  EXPECT_EQ(reason(kD128, "consumer_warpgroups=2 key_tile=128 pingpong=issue"), "valid");
  EXPECT_EQ(reason(kD128, "consumer_warpgroups=2 key_tile=160 pingpong=issue"), "valid");
  EXPECT_EQ(
      reason(kD128, "consumer_warpgroups=2 key_tile=128 pingpong=issue max_policy=first_tile q_in=registers"),
      "valid");
  EXPECT_EQ(reason(kD128, "consumer_warpgroups=3 key_tile=64 k_stages=3 v_stages=3 order=pv_first"), "valid");
  EXPECT_EQ(reason(kGemm, "consumer_warpgroups=2 n_tile=256 k_tile=64 stages=4"), "valid");
}

// A problem, and for each of its constraints a config that breaks it.
struct Breaks {
  std::string problem;
  std::map<std::string, std::string> configs;
};

void expect_each_can_fail(const Breaks& breaks, std::set<std::string> elsewhere = {}) {
  const Problem problem = parse_problem(breaks.problem);
  for (const Constraint& constraint : constraints(problem)) {
    EXPECT_FALSE(constraint.meaning.empty()) << constraint.name;
    EXPECT_FALSE(constraint.violated(problem, default_config(problem).kernels[0], sm_90a()))
        << constraint.name;
    if (elsewhere.contains(constraint.name)) continue;
    ASSERT_TRUE(breaks.configs.contains(constraint.name)) << constraint.name << " is not tested here";
    const Config config = parse_config(breaks.configs.at(constraint.name), problem);
    EXPECT_TRUE(constraint.violated(problem, config.kernels[0], sm_90a())) << constraint.name;
  }
}

TEST(Constraints, each_is_named_explained_and_can_fail) {
  expect_each_can_fail({"softmax rows=64 columns=64",
                        {{"warps", "warps=33"},
                         {"column_tile", "column_tile=24"},
                         {"tile_order", "tile_order=dynamic"},
                         {"unroll", "unroll=3"},
                         {"registers", "column_tile=512"}}});
  expect_each_can_fail({kGemm,
                        {{"consumer_warpgroups", "consumer_warpgroups=5"},
                         {"n_tile", "n_tile=12"},
                         {"k_tile", "k_tile=8"},
                         {"stages", "stages=0"},
                         {"group", "group=0"},
                         {"tile_order", "tile_order=balanced"},
                         {"shared_memory", "stages=6 k_tile=128"},
                         {"registers", "consumer_warpgroups=4 n_tile=256"}}});
  expect_each_can_fail({kD128,
                        {{"consumer_warpgroups", "consumer_warpgroups=0"},
                         {"key_tile", "key_tile=0"},
                         {"k_stages", "k_stages=0"},
                         {"v_stages", "v_stages=33"},
                         {"pingpong", "consumer_warpgroups=1 pingpong=issue"},
                         {"tile_order", "tile_order=balanced"},
                         {"head_group", "head_group=4"},
                         {"extents", "extents=warpgroup"},
                         {"ctas_per_sm", "ctas_per_sm=9"},
                         {"stage_tiles", "key_tile=192 stage_tiles=2"},
                         {"q_stages", "q_stages=2"},
                         {"pin", "order=pv_first pin=none"},
                         {"scale_q", "scale_q=true"},
                         {"polynomial", "polynomial=16"},
                         {"producer_regs", "copy=ld producer_regs=24"},
                         {"pack_gqa", "pack_gqa=true"},
                         {"kv_splits", "kv_splits=0"},
                         {"cache", "cache=keep_kv copy=ld"},
                         {"cluster", "cluster=2 tile_order=dynamic"},
                         {"registers", "consumer_warpgroups=4 key_tile=192 k_stages=1 v_stages=1"},
                         {"shared_memory", "key_tile=192 k_stages=4 v_stages=4"}}},
                       {"order", "swizzle"});
  const auto one = [](const char* problem, std::string name, std::string config) {
    std::set<std::string> others;
    for (const Constraint& constraint : constraints(parse_problem(problem))) others.insert(constraint.name);
    others.erase(name);
    expect_each_can_fail({problem, {{name, config}}}, others);
  };
  one(kWindow, "order", "order=softmax_first mask_loop=split");
  one("attention_forward q_len=64 head_dim=80", "swizzle", "swizzle=64");
}

TEST(Genes, each_says_what_it_means_and_where_it_goes) {
  for (const char* text : {"attention_forward q_len=64 head_dim=64", kGemm, "softmax rows=8 columns=8"})
    std::visit(
        [](const auto& part) {
          for (const auto& row : part.genes()) {
            EXPECT_FALSE(row.meaning.empty()) << row.name;
            EXPECT_FALSE(row.place.empty()) << row.name;
            EXPECT_FALSE(row.searched.values.empty() && row.searched.remark.empty())
                << row.name << ": why does nobody search it?";
            EXPECT_EQ(row.constraint.violated != nullptr, !row.constraint.meaning.empty()) << row.name;
          }
        },
        default_config(parse_problem(text)).kernels[0]);
}

// Nobody gets results that are less accurate than the problem asks for without having typed it.
TEST(ConfigSpaces, draw_no_rounding_of_the_scaled_queries) {
  const Problem problem = parse_problem(kD64);
  const ConfigSpace space = config_space(problem, sm_90a());
  for (const Gene& gene : space.genes)
    EXPECT_TRUE(gene.name != "scale_q" || gene.values == std::vector<std::string>{"false"});
  const Config typed = parse_config("q_in=registers scale_q=true", problem);
  EXPECT_FALSE(check(problem, typed, sm_90a()));
  EXPECT_FALSE(encode(space, typed));
}

// What no measurement on this chip has asked for is there for who types it.
TEST(ConfigSpaces, draw_neither_the_polynomial_nor_another_split_of_registers) {
  const Problem problem = parse_problem(kD64);
  const ConfigSpace space = config_space(problem, sm_90a());
  for (const char* name : {"polynomial", "producer_regs"})
    EXPECT_THAT(gene_named(space, name).values, testing::ElementsAre("0")) << name;
  for (const char* text : {"polynomial=2", "producer_regs=32", "polynomial=8 producer_regs=56"}) {
    const Config typed = parse_config(text, problem);
    EXPECT_FALSE(check(problem, typed, sm_90a())) << text;
    EXPECT_FALSE(encode(space, typed)) << text;
  }
}

// What was slower wherever it was measured is not searched, but runs for who names it.
TEST(ConfigSpaces, draw_no_turns_that_lost) {
  const Problem problem = parse_problem(kD64);
  const ConfigSpace space = config_space(problem, sm_90a());
  const Config typed = parse_config("pingpong=exponentials", problem);
  EXPECT_FALSE(check(problem, typed, sm_90a()));
  EXPECT_FALSE(encode(space, typed));
  EXPECT_THAT(to_text(typed), testing::HasSubstr("pingpong=exponentials"));
  EXPECT_GT(predict_us(problem, typed, sm_90a()), 0);
}

TEST(ConfigSpaces, draw_no_copy_paths_swizzles_and_halves_of_hints) {
  const Problem problem = parse_problem("attention_forward batch=4 q_heads=32 q_len=4096 head_dim=128");
  const ConfigSpace space = config_space(problem, sm_90a());
  for (const char* text :
       {"copy=cp_async", "q_copy=cp_async", "kv_copy=ld", "swizzle=64", "cache=kv_last", "cache=qo_first"}) {
    const Config typed = parse_config(text, problem);
    EXPECT_FALSE(check(problem, typed, sm_90a())) << text;
    EXPECT_FALSE(encode(space, typed)) << text;
    EXPECT_THAT(to_text(typed), testing::HasSubstr(text));
  }
}

TEST(Constraints, refuses_the_config_of_another_plan) {
  const auto rejection = check(parse_problem(kGemm), Config{{SoftmaxConfig{}}}, sm_90a());
  ASSERT_TRUE(rejection);
  EXPECT_THAT(rejection->reason, testing::HasSubstr("not those of gemm"));
}

RC_GTEST_PROP(Constraints, default_configs_are_valid, (const Problem& problem)) {
  RC_ASSERT(!check(problem, default_config(problem), sm_90a()));
}

}  // namespace
}  // namespace warpfinch
