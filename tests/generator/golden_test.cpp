// Golden files: the scheduled program and the kernel of a few pairs over all operations, in full. After a
// change that is meant: WARPFINCH_BLESS=1 writes them anew, and the diff is reviewed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "generator/config_page.hpp"
#include "generator/problem_page.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(WARPFINCH_SOURCE_DIR) / "tests/generator/golden";

struct Golden {
  std::string name;
  std::string problem, config;
};

// Each for what it shows and no other does.
const std::vector<Golden>& goldens() {
  static const std::vector<Golden> all = {
      {"gemm_tn", "gemm m=4096 n=4096 k=4096", "consumers=2 n_tile=256 k_tile=64 stages=3 tile_order=static"},
      {"gemm_nn_bias_gelu_odd", "gemm batch=2 m=300 n=201 k=100 layout=nn epilogue=bias_gelu alpha=0.5",
       "consumers=1 n_tile=64 k_tile=32 stages=3"},
      {"softmax_long_causal", "softmax batch=2 rows=1000 columns=1500 mask=causal scale=0.5",
       "warps=4 column_tile=128"},
      {"attention_d64_baton", "attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16",
       "consumers=4 key_tile=64 k_stages=4 v_stages=4 order=s1 baton=issue reference=r1"},
      {"attention_causal_gqa_lse",
       "attention_forward batch=3 q_heads=20 kv_heads=4 q_len=1777 head_dim=128 mask=causal lse=true",
       "consumers=2 key_tile=128 order=s1 mask_loop=split tile_order=static"},
      {"attention_s0_branch_ld",
       "attention_forward q_heads=2 q_len=77 kv_len=333 head_dim=64 mask=causal_top_left",
       "consumers=3 key_tile=64 order=s0 mask_loop=branch copy=ld"},
      {"attention_d80_causal", "attention_forward q_heads=32 q_len=1000 head_dim=80 mask=causal",
       "consumers=2 key_tile=128 baton=issue reference=r1"},
      {"attention_d192_v128",
       "attention_forward q_heads=8 q_len=256 head_dim=192 value_dim=128 layout=bhsd dtype=fp16",
       "consumers=2 key_tile=96 order=s0"},
      {"attention_window",
       "attention_forward q_heads=4 kv_heads=2 q_len=1000 kv_len=1500 head_dim=64 window_left=300 "
       "window_right=77",
       "consumers=2 key_tile=96 order=s1 mask_loop=split"},
      {"attention_window_branch",
       "attention_forward q_heads=2 q_len=500 head_dim=32 mask=causal window_left=128",
       "consumers=1 key_tile=64 order=s0 mask_loop=branch reference=r1"},
      {"attention_lazy", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumers=4 key_tile=64 k_stages=3 v_stages=3 order=s0 reference=r4 tile_order=static "
       "mask_loop=branch "
       "staging=own stage_tiles=2"},
      {"attention_two_q", "attention_forward q_heads=16 q_len=2048 head_dim=128 dtype=fp16 mask=causal",
       "consumers=2 key_tile=128 k_stages=2 v_stages=2 order=s1 baton=issue reference=r4 tile_order=static "
       "staging=own q_stages=2 settle=exponentials"},
      {"attention_turns_then_own",
       "attention_forward q_heads=4 kv_heads=2 q_len=3000 head_dim=64 mask=causal",
       "consumers=4 key_tile=64 order=s1 baton=issue reference=r4 tile_order=static mask_loop=split "
       "staging=own "
       "extents=warpgroup stage_tiles=2 q_stages=2 settle=none"},
      {"attention_unstaged", "attention_forward q_heads=4 q_len=300 head_dim=80 dtype=fp16 lse=true",
       "consumers=2 key_tile=64 order=s0 reference=r1 tile_order=static staging=none q_stages=2 "
       "q_in=registers"},
      {"attention_unsettled", "attention_forward q_heads=4 q_len=1024 head_dim=64",
       "consumers=4 key_tile=64 order=s1 baton=issue reference=r1 mask_loop=branch stage_tiles=2 "
       "settle=none"},
      {"attention_speculative", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumers=4 key_tile=64 k_stages=2 v_stages=4 order=s0 reference=r2 tile_order=static "
       "mask_loop=branch stage_tiles=2"},
      {"attention_speculative_d128",
       "attention_forward q_heads=32 q_len=4096 head_dim=128 dtype=fp16 lse=true",
       "consumers=3 key_tile=64 k_stages=3 v_stages=3 order=s0 reference=r2"},
      {"attention_speculative_s1", "attention_forward q_heads=16 q_len=1000 head_dim=64 mask=causal",
       "consumers=2 key_tile=128 order=s1 reference=r2 mask_loop=branch extents=warpgroup"},
      {"attention_follows_sums", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumers=4 key_tile=64 k_stages=3 v_stages=3 order=s1 baton=issue reference=r3 tile_order=static "
       "mask_loop=split staging=own"},
      {"attention_follows_sums_s0",
       "attention_forward q_heads=4 q_len=1000 head_dim=128 dtype=fp16 mask=causal",
       "consumers=2 key_tile=64 order=s0 reference=r3 mask_loop=branch extents=warpgroup"},
      {"attention_lazy_causal",
       "attention_forward q_heads=4 kv_heads=2 q_len=1000 head_dim=64 mask=causal lse=true",
       "consumers=2 key_tile=64 k_stages=2 v_stages=2 reference=r4 mask_loop=branch extents=warpgroup "
       "blocks=1 "
       "stage_tiles=2"},
      {"attention_dynamic",
       "attention_forward q_heads=8 kv_heads=2 q_len=1000 head_dim=128 mask=causal lse=true",
       "consumers=2 key_tile=128 order=s1 reference=r4 tile_order=dynamic mask_loop=split staging=own"},
      {"attention_dynamic_ld", "attention_forward q_heads=6 q_len=500 head_dim=64 mask=causal",
       "consumers=2 key_tile=64 order=s1 baton=issue reference=r1 tile_order=dynamic copy=ld"},
      {"attention_balanced", "attention_forward q_heads=24 q_len=2048 head_dim=64 mask=causal",
       "consumers=4 key_tile=64 k_stages=3 v_stages=3 order=s7 baton=issue reference=r2 tile_order=balanced "
       "staging=own extents=warpgroup stage_tiles=2 q_stages=2"},
      {"attention_head_group",
       "attention_forward batch=2 q_heads=24 kv_heads=6 q_len=700 head_dim=64 mask=causal",
       "consumers=2 key_tile=64 tile_order=static head_group=8"},
      // One K stage: who skips must hand K back before he waits for V (found on a GPU, shown by the
      // emulator).
      {"attention_skip_order",
       "attention_forward q_heads=3 kv_heads=1 q_len=444 kv_len=225 head_dim=64 mask=causal_top_left",
       "consumers=4 key_tile=32 k_stages=1 v_stages=2 order=s0 mask_loop=branch extents=warpgroup"},
      {"attention_two_blocks", "attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16",
       "consumers=1 key_tile=128 reference=r4 blocks=2"},
      {"attention_queries_in_registers",
       "attention_forward batch=2 q_heads=8 kv_heads=4 q_len=1000 head_dim=96 mask=causal dtype=fp16",
       "consumers=2 key_tile=96 tile_order=static staging=own q_in=registers"},
      {"attention_weights_stored", "attention_forward q_heads=32 q_len=4096 head_dim=128",
       "consumers=3 key_tile=80 k_stages=2 v_stages=2 order=s1 baton=issue reference=r4 tile_order=static "
       "p_in=shared"},
      {"attention_weights_stored_s0",
       "attention_forward q_heads=4 q_len=500 head_dim=80 dtype=fp16 mask=causal",
       "consumers=1 key_tile=80 order=s0 reference=r2 mask_loop=branch p_in=shared"},
      {"attention_scaled_queries", "attention_forward q_heads=8 q_len=1024 head_dim=128 lse=true",
       "consumers=2 key_tile=128 order=s1 baton=issue reference=r4 tile_order=static staging=own "
       "q_in=registers scale_q=true"},
      {"attention_polynomial", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumers=2 key_tile=128 order=s1 reference=r4 tile_order=static staging=own polynomial=2"},
      {"attention_polynomial_speculative",
       "attention_forward q_heads=4 q_len=500 head_dim=128 dtype=fp16 mask=causal lse=true",
       "consumers=3 key_tile=64 order=s0 reference=r2 mask_loop=branch polynomial=8"},
      {"attention_producer_keeps",
       "attention_forward q_heads=8 kv_heads=2 q_len=1000 head_dim=128 mask=causal",
       "consumers=2 key_tile=128 order=s1 reference=r1 tile_order=dynamic staging=own producer_regs=40"},
      {"attention_keep_kv", "attention_forward batch=4 q_heads=32 q_len=4096 head_dim=128",
       "consumers=2 key_tile=128 baton=issue reference=r4 tile_order=static q_in=registers cache=keep_kv"},
      {"attention_cluster", "attention_forward batch=2 q_heads=16 q_len=4096 head_dim=128",
       "consumers=2 key_tile=128 baton=issue reference=r4 tile_order=static staging=own cache=keep_kv "
       "cluster=2"},
      {"attention_cluster_causal",
       "attention_forward q_heads=8 kv_heads=2 q_len=1000 head_dim=96 dtype=fp16 mask=causal lse=true",
       "consumers=2 key_tile=64 mask_loop=branch extents=warpgroup cluster=4"},
      {"attention_s7", "attention_forward batch=4 q_heads=32 q_len=4096 head_dim=128",
       "consumers=2 key_tile=128 order=s7 baton=issue reference=r1 tile_order=static staging=own"},
      {"attention_s7_window",
       "attention_forward q_heads=4 kv_heads=2 q_len=1000 kv_len=1500 head_dim=64 lse=true window_left=300 "
       "window_right=77",
       "consumers=2 key_tile=64 order=s7 mask_loop=branch"},
      {"attention_s7_own_bounds", "attention_forward q_heads=16 q_len=2048 head_dim=64 mask=causal",
       "consumers=4 key_tile=64 k_stages=3 v_stages=3 order=s7 baton=exponentials reference=r4 "
       "tile_order=dynamic mask_loop=split staging=own extents=warpgroup"},
      {"attention_turns_of_exponentials", "attention_forward q_heads=16 q_len=2048 head_dim=64 dtype=fp16",
       "consumers=4 key_tile=64 k_stages=3 v_stages=3 order=s1 baton=exponentials reference=r3 "
       "tile_order=static staging=own"},
      {"attention_turns_of_exponentials_r2", "attention_forward q_heads=8 q_len=1000 head_dim=128 lse=true",
       "consumers=2 key_tile=96 order=s1 baton=exponentials reference=r2 mask_loop=branch"},
      {"attention_cp_async", "attention_forward q_heads=16 q_len=1024 head_dim=64 mask=causal",
       "consumers=2 key_tile=128 baton=issue tile_order=static copy=cp_async"},
      {"attention_cp_async_keys", "attention_forward q_heads=8 kv_heads=2 q_len=1000 head_dim=128 dtype=fp16",
       "consumers=2 key_tile=64 order=s0 reference=r1 kv_copy=cp_async swizzle=64"},
      {"attention_cp_async_queries", "attention_forward q_heads=8 q_len=1000 head_dim=96",
       "consumers=2 key_tile=96 q_in=registers q_copy=cp_async cache=kv_last swizzle=32"},
      {"attention_narrow", "attention_forward q_heads=16 q_len=2048 head_dim=64",
       "consumers=2 key_tile=128 p_in=shared cache=qo_first swizzle=64"},
      {"gemm_cp_async", "gemm m=300 n=200 k=104 layout=nn", "consumers=1 n_tile=64 k_tile=32 copy=cp_async"},
      {"attention_decode",
       "attention_forward batch=2 q_heads=32 kv_heads=4 q_len=1 kv_len=5000 head_dim=128 lse=true",
       "consumers=1 key_tile=128 pack_gqa=true kv_splits=8"},
      {"attention_packed_window",
       "attention_forward q_heads=12 kv_heads=4 q_len=7 kv_len=900 head_dim=64 mask=causal window_left=500",
       "consumers=1 key_tile=64 pack_gqa=true kv_splits=3 mask_loop=branch"},
      {"three_kernel", "attention_three_kernel q_heads=4 kv_heads=2 q_len=500 head_dim=64 lse=true",
       "gemm:{consumers=2 n_tile=128} softmax:{warps=4} gemm:{consumers=1 n_tile=64}"},
  };
  return all;
}

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// "file:line: …" of the first line that differs.
std::string first_difference(const fs::path& file, const std::string& golden, const std::string& now) {
  const std::vector<std::string> a = lines_of(golden), b = lines_of(now);
  size_t i = 0;
  while (i < a.size() && i < b.size() && a[i] == b[i]) ++i;
  return fmt::format("{}:{}: golden '{}', now '{}'", file.string(), i + 1, i < a.size() ? a[i] : "(end)",
                     i < b.size() ? b[i] : "(end)");
}

void expect_golden(const fs::path& file, const std::string& text) {
  if (std::getenv("WARPFINCH_BLESS")) {
    std::ofstream(file, std::ios::binary) << text;
    return;
  }
  ASSERT_TRUE(fs::exists(file)) << file << " is missing; WARPFINCH_BLESS=1 writes it";
  const std::string golden = content(file);
  EXPECT_TRUE(golden == text) << first_difference(file, golden, text)
                              << "\nWARPFINCH_BLESS=1 writes it anew where that is meant";
}

TEST(Goldens, the_page_of_problems_is_what_the_program_prints) {
  expect_golden(fs::path(WARPFINCH_SOURCE_DIR) / "tuner/api/warpfinch/PROBLEMS.md", problem_page());
}

TEST(Goldens, the_page_of_configs_is_printed_from_the_rows_of_genes) {
  expect_golden(fs::path(WARPFINCH_SOURCE_DIR) / "generator/CONFIGS.md", config_page());
}

TEST(Goldens, programs_and_kernels_are_the_same_to_the_byte) {
  for (const Golden& golden : goldens()) {
    const Plan plan = plan_of(golden.problem, golden.config);
    for (size_t i = 0; i < plan.launches.size(); ++i) {
      const std::string name =
          plan.launches.size() == 1 ? golden.name : golden.name + "." + std::to_string(i);
      expect_golden(kFolder / (name + ".tir"), plan.launches[i].program);
      expect_golden(kFolder / (name + ".cu"), plan.launches[i].source.kernel);
    }
  }
}

TEST(Goldens, no_file_is_left_over) {
  std::set<std::string> names;
  for (const Golden& golden : goldens()) names.insert(golden.name);
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const std::string file = entry.path().filename().string();
    EXPECT_TRUE(names.contains(file.substr(0, file.find('.')))) << file << " belongs to no golden";
    EXPECT_TRUE(file.ends_with(".tir") || file.ends_with(".cu")) << file;
  }
}

// What a golden program says is what its kernel is made of, also when a user brings it.
TEST(Goldens, golden_programs_are_programs) {
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() != ".tir") continue;
    const std::string text = content(entry.path());
    const auto plan = generate_program(text, sm_90a());
    ASSERT_TRUE(plan) << entry.path() << ": " << plan.rejection().reason;
    EXPECT_EQ(plan->launches[0].program, text);
    const auto body = [](const std::string& kernel) { return kernel.substr(kernel.find("#include")); };
    EXPECT_EQ(body(plan->launches[0].source.kernel),
              body(content(fs::path(entry.path()).replace_extension(".cu"))));
  }
}

}  // namespace
}  // namespace warpfinch
