// The loop that begins with the softmax, and turns around exponentials: right and without hazard over masks,
// references and the other settings, and caught where a piece of them is missing.
#include <gmock/gmock.h>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

using testing::HasSubstr;

TEST(SoftmaxFirst, is_right_with_any_number_of_consumers_and_keys) {
  expect_right("attention_forward q_heads=2 q_len=100 kv_len=300 head_dim=64 lse=true",
               "consumer_warpgroups=1 key_tile=48 k_stages=1 v_stages=1 order=softmax_first");
  expect_right("attention_forward q_heads=2 kv_heads=1 q_len=300 kv_len=130 head_dim=128 dtype=fp16",
               "consumer_warpgroups=2 key_tile=128 k_stages=2 v_stages=1 order=softmax_first pingpong=issue "
               "max_policy=conditional "
               "tile_order=static");
  expect_right("attention_forward q_heads=2 q_len=200 kv_len=500 head_dim=80",
               "consumer_warpgroups=3 key_tile=96 k_stages=1 v_stages=3 order=softmax_first "
               "max_policy=sum_guard copy=ld");
  expect_right(
      "attention_forward q_heads=3 q_len=300 kv_len=50 head_dim=64",
      "consumer_warpgroups=4 key_tile=64 order=softmax_first pingpong=issue max_policy=speculative");  // one
                                                                                                       // tile
}

TEST(SoftmaxFirst, goes_with_causal_masks_and_every_bound) {
  const std::string problem = "attention_forward q_heads=4 kv_heads=2 q_len=333 head_dim=64 mask=causal ";
  expect_right(problem + "lse=true",
               "consumer_warpgroups=2 key_tile=64 order=softmax_first max_policy=first_tile mask_loop=split");
  expect_right(problem,
               "consumer_warpgroups=2 key_tile=32 k_stages=1 v_stages=2 order=softmax_first "
               "max_policy=conditional mask_loop=branch "
               "extents=warpgroup tile_order=dynamic");
  expect_right(problem,
               "consumer_warpgroups=4 key_tile=64 order=softmax_first pingpong=issue max_policy=first_tile "
               "mask_loop=split "
               "extents=warpgroup tile_order=static");
  expect_right(
      "attention_forward q_heads=2 q_len=300 kv_len=100 head_dim=96 mask=causal",
      "consumer_warpgroups=1 key_tile=32 order=softmax_first mask_loop=split");  // rows that see nothing
}

TEST(SoftmaxFirst, goes_with_windows) {
  const std::string problem = "attention_forward q_heads=2 q_len=333 kv_len=400 head_dim=64 ",
                    config = "consumer_warpgroups=2 key_tile=32 order=softmax_first mask_loop=branch ";
  expect_right(problem + "window_left=70 window_right=20", config + "pingpong=issue");
  expect_right(problem + "mask=causal window_left=150", config + "extents=warpgroup k_stages=1");
  expect_right(problem + "window_left=300", config + "pingpong=issue max_policy=first_tile");
  expect_right(problem + "window_left=5 window_right=3", config + "extents=warpgroup max_policy=sum_guard");
}

TEST(SoftmaxFirst, goes_with_other_choices) {
  expect_right("attention_forward q_heads=2 q_len=200 kv_len=500 head_dim=64 mask=causal lse=true",
               "consumer_warpgroups=2 key_tile=64 order=softmax_first max_policy=speculative mask_loop=split "
               "stage_tiles=2 tile_order=static");
  expect_right("attention_forward q_heads=8 kv_heads=2 q_len=3 kv_len=700 head_dim=64 mask=causal",
               "consumer_warpgroups=1 key_tile=64 order=softmax_first pack_gqa=true kv_splits=3");
  expect_right("attention_forward q_heads=2 q_len=270 head_dim=128 dtype=fp16",
               "consumer_warpgroups=2 key_tile=64 order=softmax_first max_policy=speculative "
               "tile_order=static staging=own q_stages=2 "
               "q_in=registers p_in=shared");
  expect_right(
      "attention_forward q_heads=2 q_len=400 head_dim=64 mask=causal window_left=70",
      "consumer_warpgroups=1 key_tile=32 order=softmax_first pingpong=none mask_loop=branch cluster=2");
}

TEST(TurnsOfExponentials, are_right_with_every_order_and_reference) {
  const std::string problem = "attention_forward q_heads=3 q_len=300 kv_len=400 head_dim=64 lse=true";
  expect_right(problem, "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=exponentials");
  expect_right(problem,
               "consumer_warpgroups=3 key_tile=80 order=pv_first pingpong=exponentials "
               "max_policy=conditional tile_order=static");
  expect_right(problem,
               "consumer_warpgroups=4 key_tile=64 order=softmax_first pingpong=exponentials "
               "max_policy=sum_guard tile_order=dynamic");
  expect_right(problem,
               "consumer_warpgroups=2 key_tile=128 order=qk_first pingpong=exponentials "
               "max_policy=speculative k_stages=1");
  expect_right(problem,
               "consumer_warpgroups=2 key_tile=64 order=qk_first pingpong=exponentials max_policy=first_tile "
               "stage_tiles=2");
}

TEST(TurnsOfExponentials, go_with_masks) {
  const std::string problem = "attention_forward q_heads=4 kv_heads=1 q_len=333 head_dim=64 mask=causal ";
  expect_right(
      problem,
      "consumer_warpgroups=4 key_tile=64 pingpong=exponentials max_policy=first_tile mask_loop=split "
      "extents=warpgroup tile_order=static");
  expect_right(problem + "window_left=100",
               "consumer_warpgroups=2 key_tile=32 order=softmax_first pingpong=exponentials mask_loop=branch "
               "k_stages=1 v_stages=1");
  expect_right(
      problem + "window_left=100 dtype=fp16",
      "consumer_warpgroups=3 key_tile=64 order=pv_first pingpong=exponentials mask_loop=branch p_in=shared");
}

// --- planted faults --------------------------------------------------------------------------------------
// Kinds of hazards over some schedules, with the first `from` behind `behind` in the kernel replaced.
std::string found_with(const std::string& config, const std::string& behind, const std::string& from,
                       const std::string& to) {
  Plan plan = plan_for("attention_forward q_heads=1 q_len=200 kv_len=600 head_dim=64",
                       "consumer_warpgroups=2 key_tile=64 k_stages=2 v_stages=2 " + config);
  std::string& kernel = plan.launches[0].source.kernel;
  const size_t at = kernel.find(from, kernel.find(behind));
  EXPECT_NE(at, std::string::npos) << from;
  kernel.replace(at, from.size(), to);
  return kinds_under_schedules(plan);
}

// The wait stands behind the issue of both products, and in front of the loop's end.
TEST(SoftmaxFirstFaults, keys_and_values_handed_back_while_the_products_run) {
  const std::string wait = "wait_mma<0>(o_tile, p_tile, s_tile);", v = "release(v_ring);",
                    k = "release(k_ring);", line = "\n      ";
  const auto found = [&](const std::string& to) {
    return found_with("order=softmax_first", "for (int n", wait + line + v + line + k, to);
  };
  EXPECT_NE(found(v + line + wait + line + k), "");
  EXPECT_NE(found(k + line + wait + line + v), "");
  EXPECT_NE(found("wait_mma<1>(o_tile, p_tile);" + line + v + line + k), "");
  EXPECT_EQ(found(wait + line + k + line + v), "") << "in either order, once both are done";
}

TEST(TurnsOfExponentialsFaults, a_turn_that_is_not_passed) {
  EXPECT_THAT(
      found_with("order=qk_first pingpong=exponentials", "for (int n", "pingpong_pass<2>(warpgroup);", ""),
      HasSubstr("deadlock"));
}

}  // namespace
}  // namespace warpfinch::emulator
