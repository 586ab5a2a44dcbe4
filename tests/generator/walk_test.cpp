// The pass `walk`: one golden file per way of walking over tiles, in tests/generator/walks; what it writes
// parses back to the same kernel; what stands around the tiles is refused where it is not what the walk
// needs.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/generator/goldens.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

using testing::HasSubstr;

struct Walk {
  std::string name, problem, config;
};
void PrintTo(const Walk& walk, std::ostream* out) { *out << walk.name; }

const std::string kGemm = "gemm m=512 n=256 k=64",
                  kTiles = "consumer_warpgroups=1 n_tile=64 k_tile=32 stages=2 ",
                  kAttention = "attention_forward q_heads=2 q_len=512 head_dim=64";

const std::vector<Walk>& walks() {
  static const std::vector<Walk> all = {
      {"flat", kGemm, kTiles + "group=1 tile_order=flat"},
      {"serpentine", kGemm, kTiles + "group=1 tile_order=static"},
      {"bands", kGemm, kTiles + "group=4 tile_order=static"},
      {"claimed", kGemm, kTiles + "group=1 tile_order=dynamic"},
      {"claimed_by_copying_threads", kGemm, kTiles + "group=1 tile_order=dynamic copy=ld"},
      {"listed", kAttention + " mask=causal", "consumer_warpgroups=1 key_tile=128 tile_order=balanced"},
      {"clustered", kAttention, "consumer_warpgroups=1 key_tile=128 tile_order=static cluster=2"},
      {"second_try", kAttention + " mask=causal",
       "consumer_warpgroups=2 key_tile=128 max_policy=first_tile tile_order=static mask_loop=split "
       "staging=own"},
      {"second_try_of_claimed", kAttention,
       "consumer_warpgroups=2 key_tile=128 pingpong=issue max_policy=first_tile tile_order=dynamic "
       "mask_loop=split staging=own"},
  };
  return all;
}

std::string kernel_without_title(const Plan& plan, size_t i = 0) {
  const std::string& kernel = plan.launches[i].source.kernel;
  return kernel.substr(kernel.find("#include"));
}

class Walks : public testing::TestWithParam<Walk> {};

TEST_P(Walks, is_what_the_pass_writes) {
  const auto& [name, problem, config] = GetParam();
  const std::string file = std::string(WARPFINCH_SOURCE_DIR) + "/tests/generator/walks/" + name + ".tir";
  const std::string text = after("walk", problem, config);
  if (std::getenv("WARPFINCH_BLESS")) {
    std::ofstream(file, std::ios::binary) << text;
    return;
  }
  std::ifstream stream(file, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_EQ(golden, text) << "where that is meant:\nWARPFINCH_BLESS=1 " << WARPFINCH_BINARY_DIR
                          << "/tests/generator_tests --gtest_filter='*/Walks.*/*'";
}

TEST_P(Walks, is_a_program_of_the_same_kernel) {
  const auto& [name, problem, config] = GetParam();
  const std::string text = after("walk", problem, config);
  EXPECT_EQ(ir::print(ir::parse(text)), text);
  const auto plan = generate_program(text, sm_90a());
  ASSERT_TRUE(plan) << plan.rejection().reason;
  const Plan first = plan_of(problem, config);
  EXPECT_EQ(plan->launches[0].program, text);
  EXPECT_EQ(kernel_without_title(*plan), kernel_without_title(first));
  EXPECT_EQ(plan->launches[0].tiles, first.launches[0].tiles);
  EXPECT_EQ(plan->launches[0].persistent, first.launches[0].persistent);
  EXPECT_EQ(plan->launches[0].cluster, first.launches[0].cluster);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Walks, testing::ValuesIn(walks()),
                         [](const auto& info) { return info.param.name; });

// Every golden, too: the first kernel of each.
class WalkedGoldens : public testing::TestWithParam<Golden> {};

TEST_P(WalkedGoldens, are_programs_of_the_same_kernels) {
  const auto plan = generate_program(after("walk", GetParam().problem, GetParam().config), sm_90a());
  ASSERT_TRUE(plan) << plan.rejection().reason;
  EXPECT_EQ(kernel_without_title(*plan),
            kernel_without_title(plan_of(GetParam().problem, GetParam().config)));
}

INSTANTIATE_TEST_SUITE_P(All, WalkedGoldens, testing::ValuesIn(goldens()),
                         [](const auto& info) { return info.param.name; });

// --- refusals ---------------------------------------------------------------------------------------------
std::string walked(const std::string& kind) {
  for (const Walk& walk : walks())
    if (walk.name == kind) return after("walk", walk.problem, walk.config);
  ADD_FAILURE() << kind;
  return "";
}

TEST(WalkRefusals, of_what_the_walk_would_wait_for_in_vain) {
  struct Fault {
    const char *kind, *from, *to, *reason;
  };
  const Fault faults[] = {
      {"flat", "initialize $a, 1, 4", "initialize $a, 1, 8", "'initialize $a, 1, 4'"},
      {"flat", "      mbarrier_init_fence\n", "", "ends with 'mbarrier_init_fence'"},
      {"flat", "    block_sync\n", "", "'block_sync'"},
      {"flat", "let tile = block.index", "let tile = walk.tile", "'let tile = block.index'"},
      {"serpentine", "walk_in_serpentine 32", "walk_in_serpentine 31", "'walk_in_serpentine 32'"},
      {"claimed", "who=reads", "who=claims", "who=reads"},
      {"claimed", "initialize_claims 4", "initialize_claims 5", "'initialize_claims 4'"},
      {"claimed", "is_leader {", "if 1 {", "does not say which tile it does"},
      {"claimed", "kept=0", "kept=256", "kept=0"},
      {"clustered", "    cluster_sync\n", "", "'cluster_sync'"},
      {"clustered", "block.index % 2", "block.index % 4", "'let rank = block.index % 2'"},
      {"second_try", "      leave safe != 0\n", "", "'leave safe != 0'"},
      {"second_try", "is_marked walk.round", "is_marked 0", "'is_marked walk.round'"},
      {"second_try", "any_marked threads=384", "any_marked threads=256", "threads=384"},
      {"second_try_of_claimed", "pingpong_open warpgroups=2", "pingpong_open warpgroups=3", "warpgroups=2"},
      {"second_try_of_claimed", "grow_registers", "shrink_registers", "'grow_registers"},
  };
  for (const auto& [kind, from, to, reason] : faults)
    EXPECT_THAT(verdict(replaced(walked(kind), from, to)), HasSubstr(reason)) << kind << ": " << to;
}

TEST(WalkRefusals, of_names_that_no_walk_gives) {
  EXPECT_THAT(verdict(replaced(walked("flat"), "let tile = block.index", "let tile = block.number")),
              HasSubstr("'block.number' is not defined here"));
  EXPECT_THAT(verdict(replaced(walked("flat"), "let warp = warp.index", "let warps = warp.index")),
              HasSubstr("'warp' is not defined here"));
}

TEST(WalkRefusals, of_lists_that_forget_a_tile) {
  const std::string text = walked("listed");
  const size_t at = text.find("tile_list of=[");
  ASSERT_NE(at, std::string::npos);
  const size_t end = text.find('\n', at);
  EXPECT_THAT(verdict(replaced(text, text.substr(at, end - at), "tile_list of=[0,0]")),
              HasSubstr("not each of 0 to"));
}

TEST(Walk, names_what_it_adds_unlike_what_the_program_names) {
  const std::string text =
      "kernel axes target=sm_90a {\n  param @x bf16 [128, 64]\n  param @y bf16 [128, 64] out\n"
      "  register %x fp32 [64, 32]\n  grid tile in 0 .. 128 step 64, band in 0 .. 64 step 32 {\n"
      "    load %x, @x[tile, band]\n    store @y[tile, band], %x\n  }\n}\n";
  const auto plan = generate_program(text, sm_90a());
  ASSERT_TRUE(plan) << plan.rejection().reason;
  EXPECT_THAT(plan->launches[0].source.kernel, HasSubstr("const int tile2 = block_index();"));
  EXPECT_THAT(plan->launches[0].source.kernel, HasSubstr("const int tile = tile2 / 2 * 64;"));
}

// A line of CUDA is of the line of the scheduled program, which a plan shows.
TEST(Walk, leaves_each_line_of_the_kernel_its_line_of_the_program) {
  const Launch launch =
      plan_of(kGemm, "consumer_warpgroups=2 n_tile=64 k_tile=32 group=1 tile_order=dynamic").launches[0];
  const std::vector<std::string> kernel = lines_of(launch.source.kernel), program = lines_of(launch.program);
  const auto line_of = [&](const std::string& start) {
    for (size_t i = 0; i < kernel.size(); ++i)
      if (trimmed(kernel[i]).starts_with(start))
        return trimmed(program[static_cast<size_t>(launch.source.ir_lines[i]) - 1]);
    return std::string();
  };
  EXPECT_THAT(line_of("initialize(a_ring"), testing::StartsWith("shared $a"));
  EXPECT_THAT(line_of("grow_registers"), testing::StartsWith("role consumer"));
  EXPECT_THAT(line_of("for (ClaimedWalk"), testing::StartsWith("grid "));
  EXPECT_THAT(line_of("const int m ="), testing::StartsWith("grid "));
  EXPECT_THAT(line_of("wait(a_ring"), testing::StartsWith("wait $a"));
}

}  // namespace
}  // namespace warpfinch
