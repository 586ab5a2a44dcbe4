// What each pass leaves true, read in the programs that it prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSquare = "attention_forward q_len=512 head_dim=64";  // whole key tiles, no mask
constexpr const char* kCausal = "attention_forward q_len=512 head_dim=64 mask=causal";
constexpr const char* kGemm = "gemm m=512 n=512 k=512";

std::string after(const std::string& pass, const std::string& problem, const std::string& config) {
  return stages_of(problem, config)[pass];
}

// The trimmed lines between the n-th line that starts with `head` and its closing brace; nested blocks
// included.
std::vector<std::string> block(const std::string& text, const std::string& head, int n = 1) {
  std::vector<std::string> body;
  int depth = -1;
  for (const std::string& line : lines_of(text)) {
    const std::string here = trimmed(line);
    if (depth < 0) {
      if (here.starts_with(head) && --n == 0) depth = 0;
      continue;
    }
    if (here == "}" && depth-- == 0) return body;
    if (here.ends_with("{")) ++depth;
    body.push_back(here);
  }
  ADD_FAILURE() << "no block '" << head << "' in\n" << text;
  return body;
}

// Only the lines whose first word is one of `words`.
std::vector<std::string> only(const std::vector<std::string>& lines, const std::vector<std::string>& words) {
  std::vector<std::string> kept;
  for (const std::string& line : lines)
    if (std::find(words.begin(), words.end(), line.substr(0, line.find(' '))) != words.end())
      kept.push_back(line);
  return kept;
}

std::vector<std::string> before(const std::vector<std::string>& lines, const std::string& head) {
  const auto end = std::find_if(lines.begin(), lines.end(),
                                [&](const std::string& line) { return line.starts_with(head); });
  return {lines.begin(), end};
}

std::string declaration(const std::string& text, const std::string& start) {
  for (const std::string& line : lines_of(text))
    if (trimmed(line).starts_with(start)) return trimmed(line);
  return "";
}

const std::vector<std::string> kMmaWords = {"fence_mma", "mma",     "commit_mma", "wait_mma",
                                            "wait",      "release", "baton_wait", "baton_pass"};

// --- tile -------------------------------------------------------------------------------------------------
TEST(TilePass, leaves_numbers_in_place_of_named_constants) {
  const std::string built = after("build", kSquare, "consumers=1 key_tile=96");
  const std::string tiled = after("tile", kSquare, "consumers=1 key_tile=96");
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
TEST(PipelinePass, s1_issues_the_next_scores_and_then_the_late_product) {
  const std::string text = after("pipeline", kSquare, "order=s1 key_tile=128");
  EXPECT_THAT(only(block(text, "for n in 128 .. 512 step 128"), {"load", "mma"}),
              ElementsAre("load $k, @k[b, h, n, 0]", "mma %s, $q, $k^T", "load $v, @v[b, h, n - 128, 0]",
                          "mma %o, %p, $v accumulate"));
}

TEST(PipelinePass, s0_issues_the_late_product_first) {
  const std::string text = after("pipeline", kSquare, "order=s0 key_tile=128");
  EXPECT_THAT(only(block(text, "for n in 128 .. 512 step 128"), {"load", "mma"}),
              ElementsAre("load $k, @k[b, h, n, 0]", "load $v, @v[b, h, n - 128, 0]",
                          "mma %o, %p, $v accumulate", "mma %s, $q, $k^T"));
}

TEST(PipelinePass, the_first_softmax_is_a_prologue_and_the_last_product_an_epilogue) {
  const std::vector<std::string> grid = block(after("pipeline", kSquare, "key_tile=128"), "grid");
  const std::vector<std::string> words = {"load", "mma", "softmax_exp2", "for", "row_total"};
  const std::vector<std::string> prologue = only(before(grid, "for"), words);
  EXPECT_THAT(prologue, ElementsAre("load $q, @q[b, h, m, 0]", "load $k, @k[b, h, 0, 0]", "mma %s, $q, $k^T",
                                    "softmax_exp2 %s, %reference scale=0.18033688"));
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

TEST(PipelinePass, refuses_to_turn_round_ops_that_depend_on_each_other) {
  std::string text = after("tile", kSquare, "key_tile=128");
  text = replaced(text, "      softmax_exp2", "      maximum %s, %s, %o\n      softmax_exp2");
  text = replaced(text, "      maximum", "      multiply %o, %o, 2\n      row_max %sum, %o\n      maximum");
  text = replaced(text, "register %o fp32 [128, 64]", "register %o fp32 [128, 128]");
  const auto rotated = lower::pipeline(ir::parse(text), sm_90a());
  ASSERT_FALSE(rotated);
  EXPECT_THAT(rotated.rejection().reason, HasSubstr("touches what the late mma has in flight"));
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
  const std::string full =
      after("copy_paths", "gemm m=512 n=512 k=512 output=fp32", "consumers=2 n_tile=256 k_tile=64 stages=4");
  EXPECT_EQ(declaration(full, "shared $c"), "");
  EXPECT_THAT(full, HasSubstr("store @c[z, m, n], %c via=st"));
  const std::string odd = after("copy_paths", "gemm m=512 n=511 k=512", "");
  EXPECT_THAT(odd, HasSubstr("store @c[z, m, n], %c via=st")) << "rows of 1022 bytes";
}

// --- roles ------------------------------------------------------------------------------------------------
TEST(RolesPass, the_producer_acquires_loads_and_advances_every_ring) {
  const std::string text = after("roles", kGemm, "n_tile=128 k_tile=64");
  EXPECT_THAT(block(text, "for k", 2),
              ElementsAre("acquire $a bytes=16384", "load $a, @a[z, m, k] via=tma", "advance $a",
                          "acquire $b bytes=16384", "load $b, @b[z, n, k] via=tma", "advance $b"));
  EXPECT_THAT(block(text, "for k", 1),
              ElementsAre("wait $a", "wait $b", "mma %c, $a[warpgroup], $b^T accumulate", "release $b",
                          "release $a"));
}

TEST(RolesPass, what_threads_copy_is_published) {
  EXPECT_THAT(block(after("roles", kGemm, "copy=ld"), "for k", 2),
              ElementsAre("acquire $a", "load $a, @a[z, m, k] via=ld", "publish $a", "advance $a",
                          "acquire $b", "load $b, @b[z, n, k] via=ld", "publish $b", "advance $b"));
}

TEST(RolesPass, each_warpgroup_gets_64_rows_of_its_own) {
  const std::string text = after("roles", kCausal, "consumers=3 key_tile=64");
  EXPECT_EQ(declaration(text, "register %s"), "register %s fp32 [64, 64]");
  EXPECT_EQ(declaration(text, "shared $q"), "shared $q bf16 [192, 64] swizzle=128");
  EXPECT_THAT(text, HasSubstr("mma %s, $q[warpgroup], $k^T"));
  EXPECT_THAT(text, HasSubstr("mask_causal %s, m + warpgroup * 64, n, 0"));
  EXPECT_THAT(text, HasSubstr("copy $o[warpgroup], %o"));
  EXPECT_THAT(text, HasSubstr("store @o[b, h, m + warp * 16, 0], $o[warp] via=tma"));
  const std::string one = after("roles", kCausal, "consumers=1 key_tile=64");
  EXPECT_THAT(one, Not(HasSubstr("warpgroup")));
}

TEST(RolesPass, budgets_come_out_of_what_the_launch_allots) {
  const auto roles = [](int consumers, const std::string& more) {
    const std::string text =
        after("roles", kSquare, fmt::format("consumers={} key_tile=64 {}", consumers, more));
    return only(block(text, "grid"), {"role"});
  };
  EXPECT_THAT(roles(1, ""), ElementsAre("role consumer warps=4 {", "role producer warps=4 {"));
  EXPECT_THAT(roles(2, ""),
              ElementsAre("role consumer warps=8 regs=240 {", "role producer warps=4 regs=24 {"));
  EXPECT_THAT(roles(3, ""),
              ElementsAre("role consumer warps=12 regs=160 {", "role producer warps=4 regs=32 {"));
  EXPECT_THAT(roles(4, ""),
              ElementsAre("role consumer warps=16 regs=112 {", "role producer warps=4 regs=32 {"));
  EXPECT_THAT(roles(2, "copy=ld"),
              ElementsAre("role consumer warps=8 regs=224 {", "role producer warps=4 regs=56 {"))
      << "a producer that copies itself needs registers";
}

TEST(RolesPass, lets_stay_only_with_the_role_that_reads_them) {
  const std::string text = after("roles", kCausal, "mask_loop=branch");
  EXPECT_THAT(only(block(text, "role consumer"), {"let"}).size(), 2u);
  EXPECT_THAT(only(block(text, "role producer"), {"let"}), ElementsAre(HasSubstr("let n_end")));
}

TEST(RolesPass, a_program_without_loads_into_shared_memory_has_one_role) {
  const std::string text = after("roles", "softmax rows=512 columns=512", "warps=8");
  EXPECT_THAT(only(block(text, "grid"), {"role"}), ElementsAre("role compute warps=8 {"));
  EXPECT_THAT(text, HasSubstr(" threads=256"));
}

// --- synchronize ------------------------------------------------------------------------------------------
TEST(SynchronizePass, s1_waits_for_the_scores_while_the_product_is_in_flight) {
  const std::string text = after("synchronize", kSquare, "order=s1 key_tile=128");
  EXPECT_THAT(only(block(text, "for n"), kMmaWords),
              ElementsAre("wait $k", "fence_mma", "mma %s, $q[warpgroup], $k^T", "commit_mma", "wait $v",
                          "fence_mma %o, %p", "mma %o, %p, $v accumulate", "commit_mma",
                          "wait_mma %s pending=1", "release $k", "wait_mma %o, %p pending=0", "release $v"));
}

TEST(SynchronizePass, s0_waits_for_both_before_the_softmax) {
  const std::string text = after("synchronize", kSquare, "order=s0 key_tile=128");
  EXPECT_THAT(only(block(text, "for n"), kMmaWords),
              ElementsAre("wait $v", "fence_mma %o, %p", "mma %o, %p, $v accumulate", "commit_mma", "wait $k",
                          "fence_mma", "mma %s, $q[warpgroup], $k^T", "commit_mma",
                          "wait_mma %o, %p, %s pending=0", "release $v", "release $k"));
}

TEST(SynchronizePass, a_chain_of_sums_into_one_tile_needs_no_wait_in_between) {
  ir::Program program = ir::parse(after("roles", kGemm, ""));
  ir::walk(program.body, [](ir::Op& op) {
    if (op.name != "for" || op.body.size() < 5) return;
    for (size_t i = 0; i < op.body.size(); ++i)
      if (op.body[i].name == "mma") {
        const ir::Op twice = op.body[i];
        op.body.insert(op.body.begin() + i, twice);
        break;
      }
  });
  const std::string text = ir::print(*lower::synchronize(program, sm_90a()));
  EXPECT_THAT(only(block(text, "for k"), {"mma", "wait_mma"}),
              ElementsAre("mma %c, $a[warpgroup], $b^T accumulate", "mma %c, $a[warpgroup], $b^T accumulate",
                          "wait_mma %c pending=0"));
}

// --- baton ------------------------------------------------------------------------------------------------
TEST(BatonPass, stands_around_the_issue_of_every_loop) {
  const std::string text = after("baton", kCausal, "consumers=2 key_tile=64 baton=issue mask_loop=split");
  for (int loop : {1, 2})
    EXPECT_THAT(only(block(text, "for n", loop), {"baton_wait", "mma", "baton_pass", "wait_mma"}),
                ElementsAre("baton_wait", "mma %s, $q[warpgroup], $k^T", "mma %o, %p, $v accumulate",
                            "baton_pass", "wait_mma %s pending=1", "wait_mma %o, %p pending=0"));
  EXPECT_THAT(declaration(text, "role consumer"), HasSubstr(" baton {"));
  EXPECT_THAT(after("baton", kCausal, "baton=none"), Not(HasSubstr("baton")));
}

TEST(BatonPass, refuses_a_single_consumer) {
  ir::Program program = ir::parse(after("synchronize", kSquare, "consumers=1 baton=none"));
  ir::set(program.attributes, "baton", "issue");
  const auto taken = lower::baton(program, sm_90a());
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.rejection().reason, HasSubstr("at least two consumer warpgroups"));
}

// --- allocate_shared --------------------------------------------------------------------------------------
TEST(AllocateSharedPass, places_tiles_apart_and_barriers_behind_them) {
  for (const auto& [problem, config] : std::vector<std::pair<std::string, std::string>>{
           {kCausal, "consumers=3 key_tile=96 k_stages=2 v_stages=3"},
           {"gemm m=512 n=512 k=512 output=fp16", "k_tile=16 stages=3"},
           {"attention_forward q_len=512 head_dim=64 value_dim=128", ""}}) {
    const ir::Program program = ir::parse(after("allocate_shared", problem, config));
    std::vector<std::pair<int64_t, int64_t>> spans;  // begin, end
    for (const ir::Tensor& tensor : program.tensors) {
      if (tensor.space != ir::Space::shared) continue;
      const int64_t offset = ir::integer(tensor.attributes, "offset", -1);
      EXPECT_EQ(offset % 1024, 0) << tensor.name;
      if (const auto alias = ir::attribute(tensor.attributes, "alias")) {
        const ir::Tensor& under = *ir::find(program, ir::Space::shared, *alias);
        EXPECT_EQ(offset, ir::integer(under.attributes, "offset", -2));
        EXPECT_LE(lower::tile_bytes(tensor), lower::tile_bytes(under));
        continue;
      }
      spans.emplace_back(offset, offset + lower::tile_bytes(tensor) * lower::stages(tensor));
      if (!lower::is_ring(program, tensor.name)) continue;
      const int64_t barriers = ir::integer(tensor.attributes, "barriers", -1);
      EXPECT_EQ(barriers % 8, 0);
      spans.emplace_back(barriers, barriers + 16 * lower::stages(tensor));
    }
    std::sort(spans.begin(), spans.end());
    for (size_t i = 1; i < spans.size(); ++i) EXPECT_GE(spans[i].first, spans[i - 1].second) << problem;
    EXPECT_EQ(spans.back().second, ir::integer(program.attributes, "shared_bytes", 0)) << problem;
    EXPECT_EQ(spans.back().second, lower::shared_bytes(program)) << problem;
  }
}

// --- the pipeline of passes -------------------------------------------------------------------------------
TEST(Passes, an_unscheduled_attribute_is_used_up_by_its_pass) {
  const std::string text = after("allocate_shared", kCausal, "baton=issue copy=ld");
  EXPECT_EQ(lines_of(text)[0].substr(0, 50), "kernel attention_forward target=sm_90a threads=384");
}

TEST(Passes, a_scheduled_program_comes_out_as_it_went_in) {
  for (const char* problem : {kCausal, kGemm, "softmax rows=100 columns=300"}) {
    const std::string scheduled = plan_of(problem, "").launches[0].program;
    const auto again = generate_program(scheduled, sm_90a());
    ASSERT_TRUE(again) << again.rejection().reason;
    EXPECT_EQ(again->launches[0].program, scheduled);
  }
}

TEST(Passes, a_scheduled_program_may_name_its_constants) {
  std::string text = plan_of(kGemm, "n_tile=128").launches[0].program;
  text = replaced(text, "{\n", "{\n  let columns = 64 * 2\n");
  text = replaced(text, "step 128 ", "step columns ");
  const auto plan = generate_program(text, sm_90a());
  ASSERT_TRUE(plan) << plan.rejection().reason;
  EXPECT_EQ(plan->launches[0].program, plan_of(kGemm, "n_tile=128").launches[0].program);
}

}  // namespace
}  // namespace warpfinch
