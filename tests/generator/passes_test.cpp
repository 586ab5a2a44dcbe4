// What the passes that shape the work of one tile leave true, read in the programs that they print.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generator/lower/passes.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSquare = "attention_forward q_len=512 head_dim=64";  // whole key tiles, no mask
constexpr const char* kCausal = "attention_forward q_len=512 head_dim=64 mask=causal";
constexpr const char* kGemm = "gemm m=512 n=512 k=512";

// --- tile -------------------------------------------------------------------------------------------------
TEST(TilePass, leaves_numbers_in_place_of_named_constants) {
  const std::string built = after("build", kSquare, "consumer_warpgroups=1 key_tile=96");
  const std::string tiled = after("tile", kSquare, "consumer_warpgroups=1 key_tile=96");
  EXPECT_THAT(built, HasSubstr("let key_tile = 96"));
  for (const char* name : {"key_tile", "m_tile", "n_unmasked"}) EXPECT_THAT(tiled, Not(HasSubstr(name)));
  EXPECT_THAT(tiled, HasSubstr("register %s fp32 [64, 96]"));
  EXPECT_THAT(tiled, HasSubstr("for n in 0 .. 512 step 96 nonempty unmasked=480 {"));
}

TEST(TilePass, refuses_an_extent_that_is_no_constant) {
  ir::Program program = ir::parse(after("build", kSquare, ""));
  program.constants.erase(program.constants.begin());
  const auto tiled = lower::tile(program, sm_90a());
  ASSERT_FALSE(tiled);
  EXPECT_THAT(tiled.rejection().reason, HasSubstr("$q"));
  EXPECT_THAT(tiled.rejection().reason, HasSubstr("'m_tile', which is no constant"));
  program.constants = {{"m_tile", ir::symbol("warp")}};
  EXPECT_THAT(lower::tile(program, sm_90a()).rejection().reason, HasSubstr("'m_tile' is no constant: warp"));
}

// --- pipeline ---------------------------------------------------------------------------------------------
TEST(PipelinePass, qk_first_issues_the_next_scores_and_then_the_late_product) {
  const std::string text = after("pipeline", kSquare, "order=qk_first key_tile=128");
  EXPECT_THAT(only(block(text, "for n in 128 .. 512 step 128"), {"load", "mma"}),
              ElementsAre("load $k, @k[b, h, n, 0]", "mma %s, $q, $k^T", "load $v, @v[b, h, n - 128, 0]",
                          "mma %o, %p, $v accumulate"));
}

TEST(PipelinePass, pv_first_issues_the_late_product_first) {
  const std::string text = after("pipeline", kSquare, "order=pv_first key_tile=128");
  EXPECT_THAT(only(block(text, "for n in 128 .. 512 step 128"), {"load", "mma"}),
              ElementsAre("load $k, @k[b, h, n, 0]", "load $v, @v[b, h, n - 128, 0]",
                          "mma %o, %p, $v accumulate", "mma %s, $q, $k^T"));
}

TEST(PipelinePass, softmax_first_begins_with_the_softmax_and_issues_the_next_scores_behind_the_product) {
  const std::vector<std::string> words = {"load",         "mma",     "row_max", "reference",
                                          "softmax_exp2", "convert", "for",     "leave"};
  const std::string text = after("pipeline", kSquare, "order=softmax_first key_tile=128");
  EXPECT_THAT(only(block(text, "for n in 0 .. 512 step 128"), words),
              ElementsAre(HasSubstr("reference %reference"), HasSubstr("softmax_exp2 %s"), "convert %p, %s",
                          "leave n + 128 >= 512", "load $k, @k[b, h, n + 128, 0]", "load $v, @v[b, h, n, 0]",
                          "mma %o, %p, $v accumulate", "mma %s, $q, $k^T"));
  const std::vector<std::string> grid = only(block(text, "grid"), words);
  EXPECT_THAT(before(grid, "for"),
              ElementsAre("load $q, @q[b, h, m, 0]", "load $k, @k[b, h, 0, 0]", "mma %s, $q, $k^T"));
  EXPECT_THAT(std::vector(grid.end() - 2, grid.end()),
              ElementsAre("load $v, @v[b, h, 384, 0]", "mma %o, %p, $v accumulate"));
}

TEST(PipelinePass, softmax_first_takes_the_tiles_of_a_stage_one_after_the_other) {
  const std::string text = after("pipeline", kSquare, "order=softmax_first key_tile=64 stage_tiles=2");
  EXPECT_THAT(
      only(block(text, "for n in 0 .. 512 step 128"), {"load", "mma", "softmax_exp2", "leave"}),
      ElementsAre(HasSubstr("softmax_exp2"), "load $v, @v[b, h, n, 0]", "mma %o, %p, $v[0] accumulate",
                  "mma %s, $q, $k[1]^T", HasSubstr("softmax_exp2"), "leave n + 128 >= 512",
                  "load $k, @k[b, h, n + 128, 0]", "mma %o, %p, $v[1] accumulate", "mma %s, $q, $k[0]^T"));
}

// The first tile's softmax stands in the loop, and so does its question.
TEST(PipelinePass, softmax_first_asks_on_every_trip_what_the_first_one_does) {
  const std::string text =
      after("pipeline", kSquare, "order=softmax_first key_tile=128 max_policy=first_tile");
  EXPECT_THAT(only(block(text, "for n"), {"if"}), ElementsAre(HasSubstr("n == 0")));
  EXPECT_THAT(
      only(block(after("split_mask", kSquare, "order=softmax_first key_tile=128 max_policy=first_tile"),
                 "grid"),
           {"for"}),
      ElementsAre("for n in 0 .. 512 step 128 nonempty {"))
      << "both walks run one loop";
}

TEST(PipelinePass, the_first_softmax_is_a_prologue_and_the_last_product_an_epilogue) {
  const std::vector<std::string> grid = block(after("pipeline", kSquare, "key_tile=128"), "grid");
  const std::vector<std::string> words = {"load", "mma", "softmax_exp2", "for", "row_total"};
  const std::vector<std::string> prologue = only(before(grid, "for"), words);
  EXPECT_THAT(prologue, ElementsAre("load $q, @q[b, h, m, 0]", "load $k, @k[b, h, 0, 0]", "mma %s, $q, $k^T",
                                    "softmax_exp2 %s, %reference scale=0.18033688 shift=plain"));
  std::vector<std::string> rest = only(grid, words);
  EXPECT_THAT(std::vector(rest.end() - 3, rest.end()),
              ElementsAre("load $v, @v[b, h, 384, 0]", "mma %o, %p, $v accumulate", "row_total %sum"));
}

TEST(PipelinePass, one_tile_needs_no_loop) {
  const std::string text = after("pipeline", "attention_forward q_len=64 head_dim=64", "key_tile=64");
  EXPECT_THAT(text, Not(HasSubstr("for ")));
  EXPECT_THAT(text, HasSubstr("load $v, @v[b, h, 0, 0]"));
}

TEST(PipelinePass, refuses_a_loop_that_may_run_not_at_all) {
  ir::Program program = ir::parse(after("tile", kCausal, ""));
  ir::walk(program.body, [](ir::Op& op) { ir::remove(op.attributes, "nonempty"); });
  const auto rotated = lower::pipeline(program, sm_90a());
  ASSERT_FALSE(rotated);
  EXPECT_THAT(rotated.rejection().reason, HasSubstr("may run not at all; mark it nonempty"));
}

TEST(PipelinePass, what_depends_on_a_late_register_moves_with_what_touches_it) {
  std::string text = after("tile", kSquare, "key_tile=128");
  text = replaced(text, "      softmax_exp2", "      row_max %o_scale, %o\n      softmax_exp2");
  const auto rotated = lower::pipeline(ir::parse(text), sm_90a());
  ASSERT_TRUE(rotated) << rotated.rejection().reason;
  EXPECT_THAT(only(block(ir::print(*rotated), "for n"), {"softmax_exp2", "row_max", "multiply", "row_sum"}),
              ElementsAre(HasSubstr("softmax_exp2"), "row_max %o_scale, %o", "multiply %sum, %sum, %o_scale",
                          HasSubstr("row_sum")));
}

// --- split_mask -------------------------------------------------------------------------------------------
TEST(SplitMaskPass, split_gives_the_tiles_without_a_mask_a_loop_of_their_own) {
  const std::string text = after("split_mask", kCausal, "mask_loop=split key_tile=64");
  const auto plain = block(text, "for n in 64 .. n_unmasked step 64");
  const auto masked = block(text, "for n in max(64, n_unmasked) .. n_end step 64");
  EXPECT_THAT(only(plain, {"mask_causal"}), ElementsAre());
  EXPECT_THAT(only(masked, {"mask_causal"}), ElementsAre("mask_causal %s, m, n, 0"));
  EXPECT_EQ(plain.size() + 1, masked.size());
  EXPECT_THAT(text, Not(HasSubstr("unmasked=")));
}

TEST(SplitMaskPass, branch_keeps_one_loop_with_the_mask_under_a_condition) {
  const std::string text = after("split_mask", kCausal, "mask_loop=branch key_tile=64");
  EXPECT_THAT(block(text, "if n + 64 > n_unmasked {"), ElementsAre("mask_causal %s, m, n, 0"));
  EXPECT_THAT(only(block(text, "grid"), {"for"}), ElementsAre("for n in 64 .. n_end step 64 {"));
}

TEST(SplitMaskPass, a_window_has_edges_on_both_sides) {
  constexpr const char* kWindow = "attention_forward q_len=1000 head_dim=64 mask=causal window_left=200";
  const std::string split = after("split_mask", kWindow, "consumer_warpgroups=1 mask_loop=split key_tile=64");
  EXPECT_THAT(split, HasSubstr("let n_begin = min(max(m - 200, 0), 999) / 64 * 64"));
  EXPECT_THAT(split, HasSubstr("let n_unmasked_from = (max(m - 137, 0) + 63) / 64 * 64"));
  const auto left = block(split, "for n in n_begin + 64 .. min(n_unmasked_from, n_end) step 64");
  const auto plain = block(split, "for n in max(n_begin + 64, n_unmasked_from) .. n_unmasked step 64");
  const auto right =
      block(split, "for n in max(max(n_begin + 64, n_unmasked_from), n_unmasked) .. n_end step 64");
  EXPECT_THAT(only(left, {"mask_window", "mask_causal"}),
              ElementsAre("mask_window %s, m, n, -200", "mask_causal %s, m, n, 0"));
  EXPECT_THAT(only(plain, {"mask_window", "mask_causal"}), ElementsAre());
  EXPECT_THAT(only(right, {"mask_window", "mask_causal"}), ElementsAre("mask_causal %s, m, n, 0"));
  const std::string branch =
      after("split_mask", kWindow, "consumer_warpgroups=1 mask_loop=branch key_tile=64");
  EXPECT_THAT(block(branch, "if n < n_unmasked_from {"), ElementsAre("mask_window %s, m, n, -200"));
  EXPECT_THAT(block(branch, "if n + 64 > n_unmasked {"), ElementsAre("mask_causal %s, m, n, 0"));
}

TEST(SplitMaskPass, a_trip_that_leaves_stays_out_of_the_plain_loop) {
  const std::string text =
      after("split_mask", kCausal, "consumer_warpgroups=1 mask_loop=split key_tile=64 order=softmax_first");
  EXPECT_THAT(text, HasSubstr("let n_whole = max(n_unmasked - 1, 0) / 64 * 64"));
  EXPECT_THAT(text, HasSubstr("for n in 0 .. n_whole step 64 {"));
  EXPECT_THAT(text, HasSubstr("for n in max(0, n_whole) .. n_end step 64 nonempty {"));
  const auto control = [&](int loop) {
    return only(block(text, "for n", loop), {"mask_causal", "leave", "if"});
  };
  EXPECT_THAT(control(1), ElementsAre());
  EXPECT_THAT(control(2),
              ElementsAre("if n + 64 > n_unmasked {", "mask_causal %s, m, n, 0", "leave n + 64 >= n_end"));
}

// Stages of two tiles, own bounds, a second walk.
TEST(SplitMaskPass, the_second_walk_and_what_is_uneven_stay_out_of_the_plain_loop) {
  const std::string text =
      after("split_mask", kCausal,
            "consumer_warpgroups=2 key_tile=64 stage_tiles=2 max_policy=first_tile mask_loop=split "
            "extents=warpgroup");
  EXPECT_THAT(text, HasSubstr("let n_whole = (safe == 0) * (max(n_unmasked - 64, 0) / 128 * 128)"));
  EXPECT_THAT(text, HasSubstr("for n in 0 .. n_whole step 128 {"));
  EXPECT_THAT(text, HasSubstr("for n in max(0, n_whole) .. n_end step 128 own=n_own {"));
  const auto only_control = [&](int loop) {
    return only(block(text, "for n", loop), {"pin", "if", "leave", "mask_causal"});
  };
  EXPECT_THAT(only_control(1), ElementsAre("pin %s", "pin %s"));
  EXPECT_THAT(only_control(2),
              ElementsAre("if n + 128 > n_own_unmasked {", "mask_causal %s, m, n + 64, 0",
                          "if safe != 0 cold {", "leave n + 128 >= n_end", "if n + 192 > n_own_unmasked {",
                          "mask_causal %s, m, n + 128, 0", "if safe != 0 cold {"));
}

TEST(SplitMaskPass, where_every_tile_is_whole_no_mask_is_left) {
  const std::string whole = after("split_mask", kSquare, "key_tile=128");
  EXPECT_THAT(whole, Not(HasSubstr("mask_")));
  EXPECT_THAT(only(block(whole, "grid"), {"for"}), ElementsAre("for n in 128 .. 512 step 128 {"));
  const std::string ragged = after("split_mask", "attention_forward q_len=300 head_dim=64", "key_tile=128");
  EXPECT_THAT(only(block(ragged, "grid"), {"for", "mask_columns"}),
              ElementsAre("for n in 128 .. 256 step 128 {", "for n in 256 .. 300 step 128 {",
                          "mask_columns %s, n, 300"));
}

TEST(SplitMaskPass, refuses_a_bound_in_the_middle_of_a_tile) {
  const std::string text = replaced(after("tile", "attention_forward q_len=300 head_dim=64", "key_tile=128"),
                                    "unmasked=256", "unmasked=200");
  EXPECT_EQ(verdict(text),
            "split_mask: 'for n in 128 .. 300 step 128 unmasked=200': unmasked=200 is no multiple "
            "of the step 128");
}

TEST(SplitMaskPass, the_prologue_is_masked_only_where_its_tile_may_need_it) {
  const auto prologue = [](const std::string& problem) {
    const std::string text = after("split_mask", problem, "key_tile=128");
    return only(before(block(text, "grid"), "for"), {"mask_columns", "mask_causal"}).size();
  };
  EXPECT_EQ(prologue("attention_forward q_len=300 head_dim=64"), 0u);
  EXPECT_EQ(prologue("attention_forward q_len=300 kv_len=100 head_dim=64"), 1u);
  EXPECT_EQ(prologue(kCausal), 1u);
}

// --- copy_paths -------------------------------------------------------------------------------------------
TEST(CopyPathsPass, tma_moves_what_it_can_and_threads_the_rest) {
  const auto loads = [](const std::string& problem, const std::string& config) {
    return only(block(after("copy_paths", problem, config), "for k"), {"load"});
  };
  EXPECT_THAT(loads(kGemm, ""), ElementsAre("load $a, @a[z, m, k] via=tma", "load $b, @b[z, n, k] via=tma"));
  EXPECT_THAT(loads("gemm m=512 n=512 k=511", ""),
              ElementsAre("load $a, @a[z, m, k] via=ld", "load $b, @b[z, n, k] via=ld"))
      << "rows of 1022 bytes";
  EXPECT_THAT(loads("gemm m=512 n=512 k=512 a_strides=[0,513,1]", ""),
              ElementsAre("load $a, @a[z, m, k] via=ld", "load $b, @b[z, n, k] via=tma"));
  EXPECT_THAT(loads(kGemm, "copy=ld"),
              ElementsAre("load $a, @a[z, m, k] via=ld", "load $b, @b[z, n, k] via=ld"));
}

TEST(CopyPathsPass, cp_async_takes_what_begins_at_multiples_of_16_bytes) {
  const auto loads = [](const std::string& problem, const std::string& config) {
    return only(block(after("copy_paths", problem, config), "for k"), {"load"});
  };
  const std::string async = "copy=cp_async";
  EXPECT_THAT(loads(kGemm, async),
              ElementsAre("load $a, @a[z, m, k] via=cp_async", "load $b, @b[z, n, k] via=cp_async"));
  EXPECT_THAT(loads("gemm m=512 n=512 k=512 layout=nn", async),
              ElementsAre("load $a, @a[z, m, k] via=cp_async", "load $b, @b[z, k, n] via=cp_async"));
  EXPECT_THAT(loads("gemm m=512 n=512 k=512 a_strides=[0,513,1]", async),
              ElementsAre("load $a, @a[z, m, k] via=ld", "load $b, @b[z, n, k] via=cp_async"));
  EXPECT_THAT(loads("gemm m=512 n=512 k=511", async),
              ElementsAre("load $a, @a[z, m, k] via=ld", "load $b, @b[z, n, k] via=ld"));
  EXPECT_THAT(after("copy_paths", kSquare, async), HasSubstr("store @o[b, h, m, 0], $o via=tma"));
}

TEST(CopyPathsPass, a_tiles_own_path_goes_before_the_kernels) {
  const auto loads = [](const std::string& config) {
    return only(block(after("copy_paths", kSquare, "key_tile=128 " + config), "grid"), {"load"});
  };
  EXPECT_THAT(loads("kv_copy=cp_async")[0], "load $q, @q[b, h, m, 0] via=tma");
  EXPECT_THAT(loads("kv_copy=cp_async")[1], "load $k, @k[b, h, 0, 0] via=cp_async");
  EXPECT_THAT(loads("copy=ld q_copy=auto")[0], "load $q, @q[b, h, m, 0] via=tma");
  EXPECT_THAT(loads("copy=ld q_copy=auto")[1], "load $k, @k[b, h, 0, 0] via=ld");
  EXPECT_THAT(after("build", kSquare, "q_copy=ld"), HasSubstr("shared $q bf16 [m_tile, 64] copy=ld"));
  EXPECT_THAT(after("copy_paths", kSquare, "q_copy=ld"), Not(HasSubstr("copy=")));
}

TEST(CopyPathsPass, a_cap_narrows_every_tile) {
  const std::string text = after("copy_paths", kSquare, "swizzle=64 p_in=shared");
  EXPECT_EQ(declaration(text, "shared $q"), "shared $q bf16 [128, 64] swizzle=64");
  EXPECT_EQ(declaration(text, "shared $v"), "shared $v bf16 [128, 64] stages=2 swizzle=64");
  EXPECT_EQ(declaration(text, "shared $p"), "shared $p bf16 [128, 128] swizzle=64");
  EXPECT_EQ(declaration(text, "shared $o"), "shared $o bf16 [128, 64] alias=q swizzle=64");
  EXPECT_THAT(
      declaration(after("copy_paths", "attention_forward q_len=512 head_dim=96", "swizzle=64"), "shared $k"),
      HasSubstr("swizzle=64"));
}

TEST(CopyPathsPass, swizzles_are_the_widest_span_that_divides_a_row) {
  EXPECT_THAT(declaration(after("copy_paths", kGemm, "k_tile=64"), "shared $a"), HasSubstr("swizzle=128"));
  EXPECT_THAT(declaration(after("copy_paths", kGemm, "k_tile=32"), "shared $a"), HasSubstr("swizzle=64"));
  EXPECT_THAT(declaration(after("copy_paths", kGemm, "k_tile=16"), "shared $a"), HasSubstr("swizzle=32"));
}

TEST(CopyPathsPass, results_leave_through_the_space_of_q) {
  const std::string text = after("copy_paths", kSquare, "");
  EXPECT_EQ(declaration(text, "shared $o"), "shared $o bf16 [128, 64] alias=q swizzle=128");
  EXPECT_THAT(text, HasSubstr("    copy $o, %o\n    fence_async\n    store @o[b, h, m, 0], $o via=tma\n"
                              "    wait_store\n"));
}

TEST(CopyPathsPass, a_staging_tile_that_is_larger_than_q_or_has_no_place_gets_its_own_or_none) {
  const std::string wide = "attention_forward q_len=512 head_dim=64 value_dim=128";
  EXPECT_EQ(declaration(after("copy_paths", wide, ""), "shared $o"), "shared $o bf16 [128, 128] swizzle=128");
  EXPECT_EQ(declaration(after("copy_paths", kGemm, ""), "shared $c"),
            "shared $c bf16 [128, 128] swizzle=128");
  const std::string full = after("copy_paths", "gemm m=512 n=512 k=512 output=fp32",
                                 "consumer_warpgroups=2 n_tile=256 k_tile=64 stages=4");
  EXPECT_EQ(declaration(full, "shared $c"), "");
  EXPECT_THAT(full, HasSubstr("store @c[z, m, n], %c via=st"));
  const std::string odd = after("copy_paths", "gemm m=512 n=511 k=512", "");
  EXPECT_THAT(odd, HasSubstr("store @c[z, m, n], %c via=st")) << "rows of 1022 bytes";
}

}  // namespace
}  // namespace warpfinch
