// What the passes that divide a program between warps leave true: roles, synchronisation, shared memory.
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

const std::vector<std::string> kMmaWords = {"fence_mma", "mma",     "commit_mma",    "wait_mma",
                                            "wait",      "release", "pingpong_wait", "pingpong_pass"};

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

TEST(RolesPass, what_cp_async_brings_is_handed_over_without_a_wait_and_fenced_by_its_readers) {
  const std::string text = after("roles", kGemm, "copy=cp_async");
  EXPECT_THAT(
      block(text, "for k", 2),
      ElementsAre("acquire $a", "load $a, @a[z, m, k] via=cp_async", "publish_copies $a", "advance $a",
                  "acquire $b", "load $b, @b[z, n, k] via=cp_async", "publish_copies $b", "advance $b"));
  EXPECT_THAT(block(text, "for k", 1),
              ElementsAre("wait $a", "wait $b", "fence_async", "mma %c, $a[warpgroup], $b^T accumulate",
                          "release $b", "release $a"));
  const std::string held = after("roles", kSquare, "q_in=registers staging=own q_copy=cp_async");
  EXPECT_THAT(only(block(held, "role consumer"), {"wait", "fence_async", "copy"})[1],
              "copy %q, $q[warpgroup]")
      << "what threads read wants no fence";
}

TEST(RolesPass, each_warpgroup_gets_64_rows_of_its_own) {
  const std::string text = after("roles", kCausal, "consumer_warpgroups=3 key_tile=64");
  EXPECT_EQ(declaration(text, "register %s"), "register %s fp32 [64, 64]");
  EXPECT_EQ(declaration(text, "shared $q"), "shared $q bf16 [192, 64] swizzle=128");
  EXPECT_THAT(text, HasSubstr("mma %s, $q[warpgroup], $k^T"));
  EXPECT_THAT(text, HasSubstr("mask_causal %s, m + warpgroup * 64, n, 0"));
  EXPECT_THAT(text, HasSubstr("copy $o[warpgroup], %o"));
  EXPECT_THAT(text, HasSubstr("store @o[b, h, m + warp * 16, 0], $o[warp] via=tma"));
  const std::string one = after("roles", kCausal, "consumer_warpgroups=1 key_tile=64");
  EXPECT_THAT(one, Not(HasSubstr("warpgroup")));
}

TEST(RolesPass, queries_in_registers_free_their_place_unless_results_wait_there) {
  const std::vector<std::string> words = {"wait", "copy", "store", "release"};
  const auto around_q = [&](const std::string& config) {
    std::vector<std::string> lines =
        only(block(after("roles", kSquare, "q_in=registers " + config), "role consumer"), words);
    std::erase_if(lines, [](const std::string& line) { return line.find("$k") + 1 || line.find("$v") + 1; });
    return lines;
  };
  const std::string store = "store @o[b, h, m + warp * 16, 0], $o[warp] via=tma";
  EXPECT_THAT(around_q("staging=own"), ElementsAre("wait $q", "copy %q, $q[warpgroup]", "release $q",
                                                   "copy $o[warpgroup], %o", store));
  EXPECT_THAT(around_q(""), ElementsAre("wait $q", "copy %q, $q[warpgroup]", "copy $o[warpgroup], %o", store,
                                        "release $q"));
}

TEST(RolesPass, budgets_come_out_of_what_the_launch_allots) {
  const auto roles = [](int consumers, const std::string& more) {
    const std::string text =
        after("roles", kSquare, fmt::format("consumer_warpgroups={} key_tile=64 {}", consumers, more));
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
  EXPECT_THAT(roles(2, "producer_regs=40"),
              ElementsAre("role consumer warps=8 regs=232 {", "role producer warps=4 regs=40 {"));
  EXPECT_THAT(roles(3, "producer_regs=56"),
              ElementsAre("role consumer warps=12 regs=152 {", "role producer warps=4 regs=56 {"));
  EXPECT_THAT(roles(4, "producer_regs=40"),
              ElementsAre("role consumer warps=16 regs=104 {", "role producer warps=4 regs=40 {"));
  EXPECT_THAT(roles(1, "ctas_per_sm=2 producer_regs=32"),
              ElementsAre("role consumer warps=4 regs=224 {", "role producer warps=4 regs=32 {"));
  EXPECT_THAT(roles(2, "copy=cp_async"),
              ElementsAre("role consumer warps=8 regs=232 {", "role producer warps=4 regs=40 {"))
      << "and for cp.async fewer of them";
  EXPECT_THAT(roles(4, "kv_copy=cp_async"),
              ElementsAre("role consumer warps=16 regs=112 {", "role producer warps=4 regs=32 {"));
}

TEST(RolesPass, a_producer_of_a_program_keeps_no_less_than_it_needs) {
  const std::string text = after("build", kSquare, "consumer_warpgroups=2 key_tile=64 producer_regs=40");
  const auto verdict_of = [&](const std::string& from, const std::string& to) {
    return verdict(replaced(text, from, to));
  };
  ASSERT_THAT(text, HasSubstr(" producer_regs=40 {"));
  EXPECT_EQ(verdict(text), "accepted");
  EXPECT_THAT(verdict_of("copy=auto", "copy=ld"), HasSubstr("a producer whose threads copy needs 56"));
  EXPECT_THAT(verdict_of("m_tile = 128", "m_tile = 64"), HasSubstr("1 consumer warpgroup has 255 registers"));
  EXPECT_THAT(verdict_of("producer_regs=40", "producer_regs=44"),
              HasSubstr("producer_regs=44: one of 24, 32, 40, 56"));
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
TEST(SynchronizePass, qk_first_waits_for_the_scores_while_the_product_is_in_flight) {
  const std::string text = after("synchronize", kSquare, "order=qk_first key_tile=128");
  EXPECT_THAT(only(block(text, "for n"), kMmaWords),
              ElementsAre("wait $k", "fence_mma", "mma %s, $q[warpgroup], $k^T", "commit_mma", "wait $v",
                          "fence_mma %o, %p", "mma %o, %p, $v accumulate", "commit_mma",
                          "wait_mma %s pending=1", "release $k", "wait_mma %o, %p pending=0", "release $v"));
}

// So that its latency, and what it asks for, runs beside the product; who raises waits for that himself.
TEST(SynchronizePass, a_vote_on_sums_stands_before_the_wait_for_the_product_beside_them) {
  const std::string text = after("synchronize", kSquare, "order=qk_first key_tile=128 max_policy=sum_guard");
  const std::vector<std::string> body = block(text, "for n");
  EXPECT_THAT(only(body, {"pin", "softmax_exp2", "row_sum", "any_above", "wait_mma", "convert"}),
              ElementsAre("wait_mma %s pending=1", "pin %s", HasSubstr("softmax_exp2 %s, %reference"),
                          "row_sum %sum, %s accumulate partial", "any_above %sum, 1073741824 {",
                          "wait_mma %o, %p pending=0", "wait_mma %o, %p pending=0", "convert %p, %s"));
  EXPECT_THAT(block(text, "any_above"),
              ElementsAre(HasSubstr("raise_to_sum %reference, %o_scale, %sum, 1073741824"),
                          "multiply %sum, %sum, %o_scale", "rescale %s, %o_scale",
                          "wait_mma %o, %p pending=0", "rescale %o, %o_scale"));
  EXPECT_THAT(only(before(block(text, "role consumer"), "for n"), {"any_above"}), ElementsAre())
      << "the first tile's reference is its maximum";
}

TEST(SynchronizePass, pv_first_waits_for_both_before_the_softmax) {
  const std::string text = after("synchronize", kSquare, "order=pv_first key_tile=128");
  EXPECT_THAT(only(block(text, "for n"), kMmaWords),
              ElementsAre("wait $v", "fence_mma %o, %p", "mma %o, %p, $v accumulate", "commit_mma", "wait $k",
                          "fence_mma", "mma %s, $q[warpgroup], $k^T", "commit_mma",
                          "wait_mma %o, %p, %s pending=0", "release $v", "release $k"));
}

// K is handed back when the next scores are done, V when the product is; nothing is in flight at the loop's
// end.
TEST(SynchronizePass, softmax_first_waits_for_both_at_the_end_of_the_loop) {
  const std::string text = after("synchronize", kSquare, "order=softmax_first key_tile=128");
  const std::vector<std::string> body = block(text, "for n");
  EXPECT_THAT(only(body, kMmaWords),
              ElementsAre("wait $v", "fence_mma %o, %p", "mma %o, %p, $v accumulate", "commit_mma", "wait $k",
                          "fence_mma", "mma %s, $q[warpgroup], $k^T", "commit_mma",
                          "wait_mma %o, %p, %s pending=0", "release $v", "release $k"));
  EXPECT_EQ(body.back(), "release $k");
  EXPECT_THAT(only(before(block(text, "role consumer"), "for n"), kMmaWords),
              ElementsAre("wait $q", "wait $k", "fence_mma", "mma %s, $q[warpgroup], $k^T", "commit_mma",
                          "wait_mma %s pending=0", "release $k"));
}

// One buffer is enough: P is stored when the product before has read the one before.
TEST(SynchronizePass, stored_weights_wait_for_the_product_that_reads_their_place) {
  const std::vector<std::string> words = {"mma", "wait_mma", "row_sum", "copy", "join_warpgroup"};
  const auto loop = [&](const char* order) {
    return only(block(after("synchronize", kSquare, fmt::format("order={} key_tile=128 p_in=shared", order)),
                      "for n"),
                words);
  };
  EXPECT_THAT(loop("qk_first"),
              ElementsAre("mma %s, $q[warpgroup], $k^T", "mma %o, $p[warpgroup], $v accumulate",
                          "wait_mma %s pending=1", "row_sum %sum, %s accumulate partial",
                          "wait_mma %o pending=0", "copy $p[warpgroup], %s", "join_warpgroup"));
  EXPECT_THAT(loop("pv_first"),
              ElementsAre("mma %o, $p[warpgroup], $v accumulate", "mma %s, $q[warpgroup], $k^T",
                          "wait_mma %o, %s pending=0", "row_sum %sum, %s accumulate partial",
                          "copy $p[warpgroup], %s", "join_warpgroup"));
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

// --- pingpong
// ------------------------------------------------------------------------------------------------
TEST(PingpongPass, stands_around_the_issue_of_every_loop) {
  const std::string text =
      after("pingpong", kCausal, "consumer_warpgroups=2 key_tile=64 pingpong=issue mask_loop=split");
  for (int loop : {1, 2})
    EXPECT_THAT(only(block(text, "for n", loop), {"pingpong_wait", "mma", "pingpong_pass", "wait_mma"}),
                ElementsAre("pingpong_wait", "mma %s, $q[warpgroup], $k^T", "mma %o, %p, $v accumulate",
                            "pingpong_pass", "wait_mma %s pending=1", "wait_mma %o, %p pending=0"));
  EXPECT_THAT(declaration(text, "role consumer"), HasSubstr(" pingpong {"));
  EXPECT_THAT(after("pingpong", kCausal, "pingpong=none"), Not(HasSubstr("pingpong")));
}

TEST(PingpongPass, goes_around_the_two_products_of_softmax_first) {
  EXPECT_THAT(
      only(block(after("pingpong", kSquare, "order=softmax_first pingpong=issue key_tile=64"), "for n"),
           {"pingpong_wait", "leave", "mma", "pingpong_pass", "wait_mma"}),
      ElementsAre("leave n + 64 >= 512", "pingpong_wait", "mma %o, %p, $v accumulate",
                  "mma %s, $q[warpgroup], $k^T", "pingpong_pass", "wait_mma %o, %p, %s pending=0"));
}

// What is settled in front of the product's wait ends the turn, too.
TEST(PingpongPass, stands_around_the_exponentials_and_their_sum) {
  const std::vector<std::string> words = {"pingpong_wait", "pin",       "softmax_exp2",  "speculative_exp2",
                                          "row_sum",       "any_above", "pingpong_pass", "wait_mma"};
  const auto loop = [&](const char* schedule) {
    const std::string config = fmt::format("key_tile=128 pingpong=exponentials {}", schedule);
    return only(block(after("pingpong", kSquare, config), "for n"), words);
  };
  const std::string exponentials = "softmax_exp2 %s, %reference scale=0.18033688 shift=plain",
                    sum = "row_sum %sum, %s accumulate partial";
  EXPECT_THAT(loop("order=qk_first"),
              ElementsAre("wait_mma %s pending=1", "pingpong_wait", "pin %s", exponentials, sum, "pin %sum",
                          "pingpong_pass", "wait_mma %o, %p pending=0"));
  EXPECT_THAT(loop("order=pv_first"), ElementsAre("wait_mma %o, %p, %s pending=0", "pingpong_wait", "pin %s",
                                                  exponentials, sum, "pin %sum", "pingpong_pass"));
  EXPECT_THAT(loop("order=softmax_first"),
              ElementsAre("pingpong_wait", "pin %s", exponentials, sum, "pin %sum", "pingpong_pass",
                          "wait_mma %o, %p, %s pending=0"));
  const std::vector<std::string> speculative = loop("order=pv_first max_policy=speculative");
  EXPECT_THAT(std::vector(speculative.begin() + 1, speculative.begin() + 8),
              ElementsAre("pingpong_wait", "pin %s", HasSubstr("speculative_exp2 %e, %s, %reference"),
                          HasSubstr("row_sum %share, %e"), "pin %share", "pingpong_pass",
                          HasSubstr("any_above %share")))
      << "who takes them again does so outside of his turn";
}

TEST(PingpongPass, takes_turns_in_every_loop_that_is_the_same_for_all) {
  const std::string config = "consumer_warpgroups=2 key_tile=64 pingpong=exponentials mask_loop=split";
  const std::vector<std::string> turns = {"pingpong_wait", "pingpong_pass"};
  for (int loop : {1, 2})
    EXPECT_THAT(only(block(after("pingpong", kCausal, config), "for n", loop), turns),
                ElementsAre("pingpong_wait", "pingpong_pass"));
  const std::string own = after("pingpong", kCausal, config + " extents=warpgroup");
  EXPECT_THAT(only(block(own, "for n", 1), turns), ElementsAre("pingpong_wait", "pingpong_pass"));
  EXPECT_THAT(only(block(own, "for n", 2), turns), ElementsAre());
}

TEST(PingpongPass, keeps_out_of_the_loop_of_own_bounds) {
  const std::string text =
      after("pingpong", kCausal,
            "consumer_warpgroups=2 key_tile=64 pingpong=issue mask_loop=split extents=warpgroup");
  EXPECT_THAT(only(block(text, "for n", 1), {"pingpong_wait", "pingpong_pass"}),
              ElementsAre("pingpong_wait", "pingpong_pass"));
  EXPECT_THAT(only(block(text, "for n", 2), {"pingpong_wait", "pingpong_pass"}), ElementsAre());
}
TEST(PingpongPass, refuses_a_single_consumer) {
  ir::Program program = ir::parse(after("synchronize", kSquare, "consumer_warpgroups=1 pingpong=none"));
  ir::set(program.attributes, "pingpong", "issue");
  const auto taken = lower::pingpong(program, sm_90a());
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.rejection().reason, HasSubstr("at least two consumer warpgroups"));
}

// --- allocate_shared --------------------------------------------------------------------------------------
TEST(AllocateSharedPass, a_given_offset_has_to_be_the_right_one) {
  const std::string text = after("allocate_shared", kGemm, "n_tile=128 k_tile=64 stages=2");
  EXPECT_TRUE(generate_program(text, sm_90a()));
  const ir::Program moved = ir::parse(replaced(text, "offset=0", "offset=1024"));
  const auto placed = lower::allocate_shared(moved, sm_90a());
  ASSERT_FALSE(placed);
  EXPECT_EQ(placed.rejection(),
            (Rejection{"allocate_shared",
                       "$a has offset=1024, but lies at 0: tiles follow each other in the order of their "
                       "lines; leave offset out"}));
}

TEST(AllocateSharedPass, places_tiles_apart_and_barriers_behind_them) {
  for (const auto& [problem, config] : std::vector<std::pair<std::string, std::string>>{
           {kCausal, "consumer_warpgroups=3 key_tile=96 k_stages=2 v_stages=3"},
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
  const std::string text = after("allocate_shared", kCausal, "pingpong=issue copy=ld");
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
