// Every rule of the verifier refuses a planted fault, and says where and with which numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "generator/ir/ops.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string attention() {
  return plan_of("attention_forward q_heads=2 q_len=512 head_dim=64 mask=causal lse=true",
                 "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=issue")
      .launches[0]
      .program;
}
std::string gemm(const std::string& config = "consumer_warpgroups=2 n_tile=128 k_tile=64") {
  return plan_of("gemm m=512 n=512 k=512 epilogue=bias", config).launches[0].program;
}

// A naive program that is accepted as it stands.
constexpr const char* kNaive =
    "kernel k target=sm_90a {\n"
    "  param @a bf16 [512, 256]\n"
    "  param @b bf16 [512, 256]\n"
    "  param @w fp32 [512]\n"
    "  param @c bf16 [512, 512] out\n"
    "  shared $a bf16 [128, 64] stages=2\n"
    "  shared $b bf16 [64, 64] stages=2\n"
    "  register %c fp32 [128, 64]\n"
    "  register %w fp32 [64] columns\n"
    "  register %m fp32 [128] rows\n"
    "  grid m in 0 .. 512 step 128, n in 0 .. 512 step 64 {\n"
    "    fill %c, 0\n"
    "    for k in 0 .. 256 step 64 {\n"
    "      load $a, @a[m, k]\n"
    "      load $b, @b[n, k]\n"
    "      mma %c, $a, $b^T accumulate\n"
    "    }\n"
    "    load %w, @w[n]\n"
    "    add %c, %c, %w\n"
    "    row_max %m, %c\n"
    "    subtract %c, %c, %m\n"
    "    store @c[m, n], %c\n"
    "  }\n"
    "}\n";

struct Fault {
  const char* from;
  const char* to;
  std::vector<const char*> reasons;  // that the verdict must contain
};

void expect_refusals(const std::string& base, const std::vector<Fault>& faults) {
  ASSERT_EQ(verdict(base), "accepted") << base;
  for (const Fault& fault : faults) {
    const std::string said = verdict(replaced(base, fault.from, fault.to));
    EXPECT_THAT(said, testing::Not(testing::StartsWith("accepted"))) << fault.from << " -> " << fault.to;
    for (const char* reason : fault.reasons)
      EXPECT_THAT(said, HasSubstr(reason)) << fault.from << " -> " << fault.to;
  }
}

TEST(Verifier, refuses_unknown_words_and_wrong_operands) {
  expect_refusals(
      kNaive,
      {{"row_max %m", "row_maximum %m", {"line 20", "unknown op"}},
       {"mma %c, $a, $b^T accumulate", "mma %c, $a, $b^T async", {"unknown attribute 'async'", "accumulate"}},
       {"fill %c, 0", "fill %c, 0 fast", {"unknown attribute 'fast'", "takes none"}},
       {"out\n", "output\n", {"@c", "unknown attribute 'output'"}},
       {"target=sm_90a", "target=sm_90a ordre=qk_first", {"unknown attribute 'ordre'", "order"}},
       {"target=sm_90a", "target=sm_90a order=s2", {"order=s2", "pv_first", "qk_first"}},
       {"stages=2", "stages=0", {"$a", "stages=0", "1"}},
       {"stages=2", "swizzle=48", {"swizzle=48", "32, 64, 128"}},
       {"row_max %m, %c", "row_max %m", {"takes 2 operands, 1 are given"}},
       {"row_max %m, %c", "row_max %m, %c, %c", {"takes 2 operands, 3 are given"}},
       {"row_max %m, %c", "row_max %c, %m", {"operand 1 must be %rows"}},
       {"row_max %m, %c", "row_max %m, $a", {"operand 2 must be %tile"}},
       {"load $b, @b[n, k]", "load $b, %c", {"operand 2 must be @param"}},
       {"mma %c, $a, $b^T", "mma %c, $a, %c", {"operand 3 must be $tile"}},
       {"add %c, %c, %w", "add %c, %d, %w", {"%d is not declared"}},
       {"load $b, @b[n, k]", "load $b, @d[n, k]", {"@d is not declared"}},
       {"load $b, @b[n, k]", "load $b, @b[n, j]", {"'j' is not defined here"}},
       {"load $b, @b[n, k]", "load $b, @b[n]", {"@b has 2 dimensions, 1 coordinates are given"}},
       {"load %w, @w[n]", "load %w, @w[k]", {"'k' is not defined here"}},
       {"store @c[m, n]", "store @a[m, n]", {"@a is not marked `out`"}},
       {"param @w fp32 [512]", "param @a fp32 [512]", {"@a is declared twice"}},
       {"param @w fp32 [512]", "param @w fp32 [0]", {"@w has an extent of 0"}},
       {"param @w fp32 [512]", "param @w fp32 [512] strides=[512,1]", {"1 dimensions", "[512,1]"}},
       {"%m fp32 [128] rows", "%m fp32 [128]", {"%m", "`rows` or `columns`"}},
       {"step 64 {", "step 64 descending=k {", {"descending=k is none of its axes"}},
       {"step 128, n", "step 0, n", {"grid m in", "step 0"}},
       {"for k in 0 .. 256 step 64", "for k in 0 .. 256 step 0 - 64", {"step"}},
       {"fill %c, 0", "return\n    fill %c, 0", {"unknown op"}}});
}

TEST(Verifier, refuses_shapes_and_types_that_do_not_fit) {
  expect_refusals(
      kNaive,
      {{"$b bf16 [64, 64]", "$b bf16 [64, 32]", {"[128, 64] = [128, 64] x [32, 64] does not fit"}},
       {"$b bf16 [64, 64]", "$b bf16 [48, 64]", {"[128, 64] = [128, 64] x [64, 48] does not fit"}},
       {"register %c fp32 [128, 64]", "register %c bf16 [128, 64]", {"bf16"}},
       {"register %w fp32 [64] columns", "register %w fp32 [32] columns", {"differ in columns"}},
       {"register %w fp32 [64] columns", "register %w fp16 [64] columns", {"%w is fp16", "fp32"}},
       {"register %m fp32 [128] rows", "register %m fp32 [64] rows", {"differ in rows"}},
       {"add %c, %c, %w", "add %c, %w, %c", {"operand 2 must have the extents of the result"}},
       {"row_max %m, %c", "negate %m, %c", {"operand 2 must have the extents of the result"}},
       {"mma %c, $a, $b^T", "mma %c, $a^T, $b^T", {"[128, 64] = [64, 128] x [64, 64] does not fit"}}});
  const auto tiles = [](int columns, int inner) {
    std::string text = replaced(kNaive, "$b bf16 [64, 64]", fmt::format("$b bf16 [{}, {}]", columns, inner));
    text = replaced(text, "$a bf16 [128, 64]", fmt::format("$a bf16 [128, {}]", inner));
    text = replaced(text, "register %c fp32 [128, 64]", fmt::format("register %c fp32 [128, {}]", columns));
    return verdict(replaced(text, "%w fp32 [64]", fmt::format("%w fp32 [{}]", columns)));
  };
  EXPECT_EQ(tiles(256, 32), "accepted");
  EXPECT_THAT(verdict(replaced(replaced(kNaive, "$b bf16", "$b fp16"), "@b bf16", "@b fp16")),
              HasSubstr("bf16 x fp16: both must be bf16 or both fp16"));
  EXPECT_THAT(tiles(264, 64), HasSubstr("264 columns: wgmma takes multiples of 8 up to 256"));
  EXPECT_THAT(tiles(60, 64), HasSubstr("60 columns"));
  EXPECT_THAT(tiles(64, 24), HasSubstr("an inner extent of 24: wgmma takes multiples of 16"));
  EXPECT_THAT(verdict(replaced(kNaive, "$a bf16 [128, 64] stages=2", "$a bf16 [128] stages=2")),
              HasSubstr("$a"));
}

TEST(Verifier, refuses_resources_that_the_target_lacks) {
  expect_refusals(gemm("consumer_warpgroups=2 n_tile=128 k_tile=64 stages=2"),
                  {{"stages=2", "stages=14", {"needs ", " bytes of shared memory", "232448"}},
                   {"regs=240", "regs=244", {"regs=244"}},
                   {"regs=24 ", "regs=16 ", {"regs=16"}},
                   {"regs=24 ", "regs=40 ", {"66560 registers", "168 x 384 threads = 64512"}},
                   {"threads=384", "threads=256", {"threads=256", "12 warps: threads=384"}}});
  const auto warps = [](const std::string& role, int threads) {
    const std::string text = replaced(gemm(), "warps=8 regs=240", role);
    return verdict(replaced(text, "threads=384", fmt::format("threads={}", threads)));
  };
  EXPECT_THAT(warps("warps=6 regs=240", 320),
              HasSubstr("mma takes whole warpgroups of 4 warps, the role has 6"));
  EXPECT_THAT(warps("warps=32", 1152), HasSubstr("1152 threads per block; the target takes 32 .. 1024"));
  EXPECT_THAT(warps("warps=0 regs=240", 128), HasSubstr("warps=0"));
  const std::string rows = plan_of("softmax rows=64 columns=64", "warps=2").launches[0].program;
  EXPECT_THAT(verdict(replaced(rows, "warps=2", "warps=2 regs=64")),
              HasSubstr("whole warpgroups; a role has 2"));
  EXPECT_THAT(verdict(replaced(replaced(rows, "warps=2", "warps=4"), "threads=64", "threads=128")),
              HasSubstr("%x has 32 rows; the role's 4 warps hold 64"));
}

// --- schedules --------------------------------------------------------------------------------------------
TEST(Verifier, refuses_rings_that_do_not_balance) {
  expect_refusals(gemm(), {{"release $a\n", "\n", {"ring $a", "wait [", "release ["}},
                           {"acquire $a", "acquire $b", {"'acquire $a' expected in its place"}},
                           {"wait $b\n", "wait $b\n        wait $b\n", {"ring $b"}},
                           {"for k in 0 .. 512 step 64",
                            "for k in 0 .. 448 step 64",
                            {"ring $a", "for k in 0 .. 512 step 64", "for k in 0 .. 448 step 64"}},
                           {"advance $b\n", "advance $a\n", {"'acquire $a' expected in its place"}}});
  const std::string text = gemm();
  const std::string early = replaced(replaced(text, "        release $b\n", ""), "        wait $b\n",
                                     "        wait $b\n        release $b\n");
  EXPECT_THAT(verdict(early), HasSubstr("touches $b outside of wait $b … release $b"));
}

TEST(Verifier, refuses_to_touch_what_is_in_flight) {
  expect_refusals(attention(),
                  {{"pending=1", "pending=2", {"'release $k' while an mma in flight reads it"}},
                   {"wait_mma %o, %p pending=0", "wait_mma %o, %p pending=1", {"in flight"}},
                   {"wait_mma %s pending=1\n",
                    "rescale %o, %o_scale\n wait_mma %s pending=1\n",
                    {"'rescale %o, %o_scale'", "touches what 'mma %o, %p, $v accumulate' has in flight"}},
                   {"wait_mma %s pending=1\n        release $k\n",
                    "release $k\n        wait_mma %s pending=1\n",
                    {"'release $k' while an mma in flight reads it"}},
                   {"fence_mma %o, %p\n",
                    "fence_mma %o, %p\n rescale %o, %o_scale\n",
                    {"without fence_mma in front of it"}},
                   {"commit_mma\n", "commit_mma\n commit_mma\n", {"commit_mma without an mma"}},
                   {"row_total %sum\n", "row_total %sum\n convert %p, %s\n", {"in flight"}}});
}

TEST(Verifier, refuses_under_a_vote_what_warps_do_together) {
  const std::string text = plan_of("attention_forward q_heads=2 q_len=512 head_dim=64",
                                   "consumer_warpgroups=2 key_tile=64 order=qk_first max_policy=speculative")
                               .launches[0]
                               .program;
  const char* vote = "any_above %share, 1.152921504606847e+18 {\n";
  const std::string head = vote;
  for (const char* op : {"release $k", "wait $v", "commit_mma", "fence_mma %o", "mma %o, %p, $v accumulate",
                         "pingpong_wait", "copy $o[warpgroup], %o", "fence_async", "skip $k"})
    EXPECT_THAT(verdict(replaced(text, vote, head + op + "\n")), HasSubstr("which each warp decides")) << op;
  EXPECT_EQ(verdict(replaced(text, vote, head + "wait_mma %o, %p pending=0\n")), "accepted");
  EXPECT_THAT(verdict(replaced(text, vote, "any_above %e, 2 {\n")), HasSubstr("operand 1 must be %rows"));
}

// `safe` is retry's.
TEST(Verifier, a_second_walk_is_asked_for) {
  const std::string text = plan_of("attention_forward q_heads=2 q_len=512 head_dim=64",
                                   "consumer_warpgroups=2 key_tile=64 order=qk_first max_policy=first_tile")
                               .launches[0]
                               .program;
  EXPECT_EQ(verdict(text), "accepted");

  const std::string other = plan_of("attention_forward q_heads=2 q_len=512 head_dim=64",
                                    "consumer_warpgroups=2 key_tile=64 order=qk_first max_policy=always")
                                .launches[0]
                                .program;
  EXPECT_THAT(verdict(replaced(other, "normalize %o, %sum\n", "redo %unfit\nnormalize %o, %sum\n")),
              HasSubstr("its grid names no retry=…"));
}

// What a warp has waited for in a branch of its own, the others have not.
TEST(Verifier, a_wait_under_a_vote_counts_only_there) {
  const std::string text = plan_of("attention_forward q_heads=2 q_len=512 head_dim=64",
                                   "consumer_warpgroups=2 key_tile=64 order=qk_first")
                               .launches[0]
                               .program;
  const std::string wait = "wait_mma %o, %p pending=0\n";
  const std::string branch = "any_above %sum, 2 {\n" + wait + "rescale %o, %o_scale\n }\n";
  EXPECT_EQ(verdict(replaced(text, wait, branch + wait)), "accepted");
  EXPECT_THAT(verdict(replaced(text, wait, branch)), HasSubstr("in flight"));
}

// Every synchronisation line of a schedule is needed: without it the verifier refuses.
int remove_each_line_of_synchronisation(const std::string& text) {
  const std::vector<std::string> lines = lines_of(text);
  int removed = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string line = trimmed(lines[i]), word = line.substr(0, line.find(' '));
    const ir::OpInfo* info = ir::find_op(word);
    if (!info || info->group != ir::Group::synchronisation) continue;
    if (word == "pin") continue;  // speed only
    std::vector<std::string> without = lines;
    without.erase(without.begin() + i);
    ++removed;
    EXPECT_NE(verdict(joined(without)), "accepted") << "line " << i + 1 << ", '" << line << "', of\n" << text;
  }
  return removed;
}

// What threads store for an mma is the whole warpgroup's, and so is the place that they store it to.
TEST(Verifier, refuses_stored_factors_that_are_not_joined) {
  const std::string text = plan_of("attention_forward q_heads=2 q_len=512 head_dim=64",
                                   "consumer_warpgroups=2 key_tile=64 p_in=shared")
                               .launches[0]
                               .program;
  const char *join = "join_warpgroup\n", *kept = "kept\n", *none = "\n";
  expect_refusals(text,
                  {{join, none, {"mma %o, $p[warpgroup], $v", "no join_warpgroup since $p was written"}},
                   {join, "fence_async\n", {"$p is filled by no load"}},
                   {"wait_mma %s pending=1\n",
                    "wait_mma %s pending=1\n copy $p[warpgroup], %s\n",
                    {"'copy $p[warpgroup], %s' touches what 'mma %o, $p", "in flight"}}});
  const std::string later = replaced(replaced(replaced(text, join, kept), join, none), kept, join);
  EXPECT_THAT(verdict(later), HasSubstr("no join_warpgroup since $p was written"))
      << "a trip of the loop meets what the one before it stored";
  EXPECT_GT(remove_each_line_of_synchronisation(text), 30);
}

// K is filled before V: who waits for V while he holds K up may wait for ever.
TEST(Verifier, refuses_tiles_skipped_in_another_order_than_they_are_filled) {
  std::string text =
      after("allocate_shared", "attention_forward q_heads=2 q_len=512 head_dim=64 mask=causal",
            "consumer_warpgroups=2 key_tile=64 order=pv_first mask_loop=branch extents=warpgroup");
  ASSERT_EQ(verdict(text), "accepted");
  EXPECT_THAT(verdict(replaced(replaced(replaced(text, "skip $k", "skip $x"), "skip $v", "skip $k"),
                               "skip $x", "skip $v")),
              HasSubstr("ring $k: the producer acquires"));
}

TEST(Verifier, refuses_pingpongs_that_could_be_lost) {
  const std::string text = attention();
  expect_refusals(
      text, {{"pingpong_pass\n", "\n", {"waits for the turn 1 times and passes it 0 times"}},
             {"pingpong_wait\n", "\n", {"pingpong_pass before pingpong_wait"}},
             {"role consumer warps=8 regs=240 pingpong", "role consumer warps=8 regs=240", {"pingpong"}},
             {"pingpong_wait\n",
              "if n > 64 {\n pingpong_wait\n pingpong_pass\n }\n pingpong_wait\n",
              {"warpgroups may run unequally often"}}});
  std::string unequal = text;
  for (int role = 0; role < 2; ++role)
    unequal = replaced(unequal, "for n in 64 .. n_unmasked", "for n in 64  .. n_unmasked + warpgroup * 64");
  EXPECT_THAT(verdict(unequal), HasSubstr("warpgroups may run unequally often"));
}

TEST(Verifier, refuses_claims_without_a_producer) {
  expect_refusals(plan_of("softmax rows=64 columns=64", "").launches[0].program,
                  {{"tile_order=flat", "tile_order=dynamic", {"tile_order=dynamic needs a producer"}}});
}

TEST(Verifier, refuses_lists_that_do_not_fit_the_grid) {
  const Plan plan = plan_of("attention_forward q_heads=3 q_len=300 head_dim=64 mask=causal",
                            "consumer_warpgroups=2 key_tile=64 tile_order=balanced");
  expect_refusals(plan.launches[0].program,
                  {{" lists=9", "", {"tile_order=balanced and lists=N"}},
                   {"tile_order=balanced", "tile_order=static", {"tile_order=balanced and lists=N"}},
                   {" lists=9", " lists=9 group=2", {"group=N is no order within lists"}},
                   {" lists=9", " lists=10", {"lists=10 of 9 tiles"}},
                   {"h in 0 .. 3", "h in 0 .. 3000", {"lists=9 of 9000 tiles; 1 to 2048 tiles"}}});
}

TEST(Verifier, refuses_what_blocks_of_a_cluster_would_not_do_alike) {
  const std::string attention =
      plan_of("attention_forward q_heads=2 q_len=512 head_dim=64 mask=causal",
              "consumer_warpgroups=1 key_tile=64 mask_loop=branch tile_order=static cluster=2")
          .launches[0]
          .program;
  expect_refusals(
      attention,
      {{"cluster=2", "cluster=16", {"cluster=16", "at most 8 blocks"}},
       {"cluster=2", "cluster=1", {"an integer from 2"}},
       {"cluster=2", "cluster=4", {"multicast=2, but its cluster has 4 blocks"}},
       {" cluster=2", "", {"'rank' is not defined here"}},
       {"tile_order=static", "tile_order=dynamic", {"cluster=2", "would claim a tile of its own"}},
       {"grid m_cluster in", "grid rank in 0 .. 1, m_cluster in", {"the name 'rank' is taken"}},
       {"[b, h, 0, 0] multicast=2", "[b, h, 0, 0]", {"ring $k is filled with multicast=… and without"}},
       {"[b, h, 0, 0] multicast=2", "[b, h, rank, 0] multicast=2", {"load $k", "depends on `rank`"}},
       {"load $q, @q[b, h, m, 0]", "load $q, @q[b, h, m, 0] multicast=2", {"load $q", "depends on `rank`"}}});
  expect_refusals(attention,
                  {{"tile_order=static", "tile_order=balanced lists=2", {"cluster=2", "a list of its own"}}});
  std::string uneven = attention;
  for (size_t at; (at = uneven.find("m_cluster + 128")) != std::string::npos;)
    uneven.replace(at, 15, "m + 64");
  EXPECT_THAT(verdict(uneven), AllOf(HasSubstr("'for n"), HasSubstr("depends on `rank`")));
  expect_refusals(plan_of("softmax rows=64 columns=64", "").launches[0].program,
                  {{"tile_order=flat", "tile_order=flat cluster=2", {"a cluster needs a producer"}}});
}

TEST(Verifier, refuses_parts_of_a_tile_that_cut_a_swizzle) {
  const std::string shared =
      replaced(replaced(kNaive, "grid m in 0 .. 512 step 128", "grid c in 0 .. 512 step 256"), "step 64 {",
               "step 64 cluster=2 {\n    let m = c + rank * 128");
  expect_refusals(replaced(shared, "load $b, @b[n, k]", "load $b, @b[n, k] multicast=2"),
                  {{"multicast=2", "multicast=2 via=ld", {"multicast= is for the copy engine"}}});
  const std::string eight = replaced(replaced(shared, "cluster=2", "cluster=8"), "step 256", "step 1024");
  EXPECT_EQ(verdict(replaced(eight, "load $b, @b[n, k]", "load $b, @b[n, k] multicast=8")), "accepted");
  std::string narrow = eight;
  for (size_t at; (at = narrow.find("[64, 64] stages")) != std::string::npos;)
    narrow.replace(at, 8, "[32, 64]");
  for (size_t at; (at = narrow.find("[128, 64]\n")) != std::string::npos;) narrow.replace(at, 9, "[128, 32]");
  narrow = replaced(replaced(narrow, "[64] columns", "[32] columns"), "512 step 64", "512 step 32");
  EXPECT_THAT(verdict(replaced(narrow, "load $b, @b[n, k]", "load $b, @b[n, k] multicast=8")),
              HasSubstr("$b has 32 rows; 8 blocks bring equal parts of whole swizzles, 8 rows each"));
}

// What a program is taken to mean by the emitter must stand in it.
TEST(Verifier, refuses_structures_that_the_emitter_has_no_words_for) {
  expect_refusals(gemm(), {{"role consumer warps=8", "role warps=8", {"role"}},
                           {"role consumer warps=8 regs=240", "role consumer regs=240", {"warps"}},
                           {"    role producer", "    let x = 5\n    role producer", {"role"}},
                           {"via=tma", "via=st", {"via=st"}},
                           {"advance $a", "advance $a {\n advance $a\n}", {"takes no body"}},
                           {"load $a, @a[z, m, k] via=tma", "load $a, @a[z, m, k]", {"via"}},
                           {"strides=[262144,512,1]",
                            "strides=[262144,511,1]",
                            {"via=tma", "16 bytes; @a has [262144, 511, 1] elements of 2 bytes"}},
                           {"acquire $a bytes=16384", "acquire $a bytes=8192", {"bytes=8192", "16384"}},
                           {"acquire $a bytes=16384", "acquire $a", {"bytes", "16384"}},
                           {"role producer warps=4 regs=24 {",
                            "role producer warps=4 regs=24 {\n      fill %c, 0",
                            {"fill", "producer"}}});
}

TEST(Verifier, refuses_copies_that_no_template_makes) {
  const auto program = [](const std::string& declarations, const std::string& body) {
    return verdict("kernel k target=sm_90a {\n  param @x bf16 [64, 64]\n  param @y bf16 [64, 64] out\n" +
                   declarations + "  register %x fp32 [64, 64]\n  grid m in 0 .. 64 step 64 {\n" + body +
                   "    store @y[m, 0], %x\n  }\n}\n");
  };
  const std::string packed = "  register %p bf16 [64, 64]\n", tile = "  shared $a bf16 [64, 64]\n",
                    wide = "  register %v fp32 [64, 64] layout=vector\n";
  EXPECT_EQ(program("", "    load %x, @x[m, 0]\n"), "accepted");
  EXPECT_EQ(program(packed, "    load %x, @x[m, 0]\n    convert %p, %x\n"), "accepted");
  EXPECT_THAT(program(packed, "    load %p, @x[m, 0]\n"), HasSubstr("%p is bf16, where fp32 is wanted"));
  EXPECT_THAT(program(packed, "    store @y[m, 0], %p\n"), HasSubstr("%p is bf16, where fp32 is wanted"));
  EXPECT_THAT(program("", "    convert %x, %x\n"), HasSubstr("%x is fp32, where bf16 or fp16 is wanted"));
  EXPECT_THAT(program(packed + wide, "    convert %p, %v\n"), HasSubstr("%v has layout=vector"));
  EXPECT_THAT(program(tile, "    copy %x, $a\n"), HasSubstr("%x is fp32, where bf16 or fp16 is wanted"));
  const std::string loaded = "    load $a, @x[m, 0]\n", other = "  register %p fp16 [64, 64]\n";
  EXPECT_EQ(program(tile + packed, loaded + "    copy %p, $a\n    mma %x, %p, $a\n"), "accepted");
  EXPECT_THAT(program(tile + packed, "    copy %p, $a\n    fill %x, 0\n"),
              HasSubstr("$a is filled by no load"));
  EXPECT_THAT(program(tile + packed, loaded + "    copy %p, $a^T\n"), HasSubstr("does not transpose"));
  EXPECT_THAT(program(tile + other, loaded + "    copy %p, $a\n"), HasSubstr("%p is fp16 and $a is bf16"));
  EXPECT_THAT(program(packed, "    copy %p, %x\n"), HasSubstr("between shared memory and registers"));
  EXPECT_THAT(program(tile + "  register %p bf16 [64, 32]\n", loaded + "    copy %p, $a\n"),
              HasSubstr("[64, 32] and [64, 64] differ"));
  EXPECT_THAT(program(tile + packed, "    copy $a, %p\n"), HasSubstr("%p is bf16, where fp32 is wanted"));
  EXPECT_THAT(program("  shared $a fp16 [64, 64]\n", "    load $a, @x[m, 0]\n    mma %x, $a, $a\n"),
              HasSubstr("$a is fp16 and @x is bf16"));
  EXPECT_THAT(program(tile, "    fill %x, 0\n    copy $a, %x\n    fence_async\n    mma %x, $a, $a\n"),
              HasSubstr("$a is filled by no load"));
}

TEST(Verifier, refuses_copies_that_cp_async_cannot_make_or_nobody_fences) {
  const std::string text = gemm("consumer_warpgroups=2 n_tile=128 k_tile=64 copy=cp_async");
  expect_refusals(
      text,
      {{"fence_async\n", "\n", {"mma %c", "no fence_async since the wait for $a, which cp.async fills"}},
       {"publish_copies $a", "publish $a", {"'publish_copies $a' expected"}},
       {"store @c[z, m + warp * 16, n], $c[warp] via=tma",
        "store @c[z, m + warp * 16, n], $c[warp] via=cp_async",
        {"via=cp_async is not for a store"}},
       {"load %bias, @bias[n]", "load %bias, @bias[n] via=cp_async", {"fills shared tiles"}},
       {"load $a, @a[z, m, k] via=cp_async", "load $a, @a[z, m, k + 4] via=cp_async", {"columns", "k + 4"}},
       {"strides=[262144,512,1]", "strides=[262144,516,1]", {"cp.async", "@a has [262144, 516, 1]"}}});
  EXPECT_EQ(verdict(replaced(text, "@a[z, m, k] via", "@a[z, m, k + 8] via")), "accepted");
  EXPECT_GT(remove_each_line_of_synchronisation(text), 12);
  EXPECT_GT(remove_each_line_of_synchronisation(
                plan_of("attention_forward q_heads=2 q_len=512 head_dim=64 mask=causal",
                        "consumer_warpgroups=2 key_tile=64 pingpong=issue kv_copy=cp_async")
                    .launches[0]
                    .program),
            50);
}

TEST(Verifier, refuses_hints_that_nothing_takes) {
  expect_refusals(gemm(), {{"via=tma", "via=tma evict=never", {"evict=never", "first, last"}},
                           {"load %bias, @bias[n]", "load %bias, @bias[n] evict=last", {"only via=tma"}},
                           {"acquire $a", "acquire $a evict=last", {"unknown attribute 'evict'"}}});
}

TEST(Verifier, refuses_values_that_attributes_cannot_have) {
  expect_refusals(attention(),
                  {{"scale=0.18033688", "scale=big", {"scale=big", "a number above 0"}},
                   {"scale=0.18033688", "scale=inf", {"scale=inf", "a number above 0"}},
                   {"policy=always", "policy=speculative", {"policy=speculative", "always, conditional"}},
                   {"pending=1", "pending=one", {"pending=one", "an integer from 0"}},
                   {"bytes=16384", "bytes=0", {"bytes=0", "an integer from 1"}},
                   {"stages=2", "stages=99999999999", {"stages=99999999999", "2147483647"}},
                   {"strides=[", "strides=[x,", {"strides=[x,", "a list such as [64,1]"}}});
}

// What is a number on the host may be none as the fp32 that the kernel holds, or 0.
TEST(Verifier, refuses_numbers_that_are_others_as_fp32) {
  for (const char* scale : {"0", "-0.18", "1e-46", "1e-300", "1e-31", "1e39"})
    expect_refusals(attention(), {{"scale=0.18033688",
                                   ("scale=" + std::string(scale)).c_str(),
                                   {scale, "a number above 0, from 1e-30 to 3.4e38"}}});
  const std::string lifted =
      plan_of("attention_forward q_len=64 head_dim=64 dtype=fp16", "consumer_warpgroups=1")
          .launches[0]
          .program;
  expect_refusals(lifted,
                  {{"max_offset=7", "max_offset=1e-46", {"max_offset=1e-46", "a number that fp32 holds"}},
                   {"max_offset=7", "max_offset=1e39", {"max_offset=1e39", "a number that fp32 holds"}}});
  expect_refusals(kNaive,
                  {{"fill %c, 0", "fill %c, 1e-46", {"1e-46 is beyond fp32, where it would be 0"}},
                   {"fill %c, 0", "fill %c, -1e39", {"-1e+39 is beyond fp32, where it would be -inf"}}});
  for (const char* fits : {"1e-40", "-inf", "3.4e38"})
    EXPECT_EQ(verdict(replaced(kNaive, "fill %c, 0", std::string("fill %c, ") + fits)), "accepted") << fits;
}

TEST(Verifier, refuses_sizes_that_64_bits_do_not_count) {
  const std::string huge = "[9223372036854775807, 256]";
  expect_refusals(
      kNaive,
      {{"param @a bf16 [512, 256]", ("param @a bf16 " + huge).c_str(), {"@a has more than 2^60 elements"}},
       {"shared $a bf16 [128, 64] stages=2",
        "shared $z bf16 [65536, 65536] stages=2147483647\n  shared $a bf16 [128, 64] stages=2",
        {"$z has more than 2^24 elements"}},
       {"n in 0 .. 512 step 64 {",
        "n in 0 .. 2147000000, x in 0 .. 2147000000, y in 0 .. 2147000000 {",
        {"9223372036854775807 tiles"}}});
  // Lists are counted when the bounds of the grid have become numbers, not before.
  const std::string named = replaced(kNaive, "  param @a", "  let all = 512\n  param @a");
  expect_refusals(named, {{"m in 0 .. 512 step 128, n in 0 .. 512 step 64 {",
                           "m in 0 .. all step 128, n in 0 .. 512 step 64 tile_order=balanced lists=99 {",
                           {"lists=99 of 32 tiles"}}});
}

TEST(Verifier, refuses_shares_of_exponentials_that_do_not_lie_evenly) {
  const char* end = "scale=0.18033688 shift=plain\n";  // of softmax_exp2
  expect_refusals(
      attention(),
      {{end, "scale=0.18033688 shift=plain polynomial=3\n", {"polynomial=3", "one of 1, 2, 4, 8"}},
       {end, "scale=0.18033688 shift=plain polynomial=0\n", {"polynomial=0", "one of 1, 2, 4, 8"}},
       {end, "scale=0.18033688 shift=plain polynomial\n", {"polynomial", "one of 1, 2, 4, 8"}},
       {"shift=plain policy=always",
        "shift=plain policy=always polynomial=2",
        {"unknown attribute 'polynomial'", "policy, shift, scale, max_offset"}}});
  for (const char* share : {"1", "2", "4", "8"})
    EXPECT_EQ(verdict(replaced(attention(), end,
                               fmt::format("scale=0.18033688 shift=plain polynomial={}\n", share))),
              "accepted");
}

TEST(Verifier, refuses_aliases_that_do_not_fit) {
  expect_refusals(attention(), {{"alias=q", "alias=z", {"$o: alias=z"}},
                                {"alias=q", "alias=o", {"$o: alias=o"}},
                                {"alias=q", "alias=k stages=3", {"$o has 49152 bytes, alias=k has 16384"}}});
}

TEST(Verifier, misses_every_line_of_synchronisation) {
  ASSERT_EQ(verdict(attention()), "accepted");
  EXPECT_GT(remove_each_line_of_synchronisation(attention()), 50);
  EXPECT_GT(remove_each_line_of_synchronisation(gemm()), 12);
  EXPECT_GT(remove_each_line_of_synchronisation(gemm("copy=ld")), 12);
}

}  // namespace
}  // namespace warpfinch
