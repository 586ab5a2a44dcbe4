// The loop that begins with the softmax, and turns around exponentials: right and without hazard over masks,
// references and the other settings, and caught where a piece of them is missing.
#include <gmock/gmock.h>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

using testing::HasSubstr;

TEST(OrderS7, is_right_with_any_number_of_consumers_and_keys) {
  expect_right("attention_forward q_heads=2 q_len=100 kv_len=300 head_dim=64 lse=true",
               "consumers=1 key_tile=48 k_stages=1 v_stages=1 order=s7");
  expect_right("attention_forward q_heads=2 kv_heads=1 q_len=300 kv_len=130 head_dim=128 dtype=fp16",
               "consumers=2 key_tile=128 k_stages=2 v_stages=1 order=s7 baton=issue reference=r1 "
               "tile_order=static");
  expect_right("attention_forward q_heads=2 q_len=200 kv_len=500 head_dim=80",
               "consumers=3 key_tile=96 k_stages=1 v_stages=3 order=s7 reference=r3 copy=ld");
  expect_right("attention_forward q_heads=3 q_len=300 kv_len=50 head_dim=64",
               "consumers=4 key_tile=64 order=s7 baton=issue reference=r2");  // one tile
}

TEST(OrderS7, goes_with_causal_masks_and_every_bound) {
  const std::string problem = "attention_forward q_heads=4 kv_heads=2 q_len=333 head_dim=64 mask=causal ";
  expect_right(problem + "lse=true", "consumers=2 key_tile=64 order=s7 reference=r4 mask_loop=split");
  expect_right(problem,
               "consumers=2 key_tile=32 k_stages=1 v_stages=2 order=s7 reference=r1 mask_loop=branch "
               "extents=warpgroup tile_order=dynamic");
  expect_right(problem,
               "consumers=4 key_tile=64 order=s7 baton=issue reference=r4 mask_loop=split "
               "extents=warpgroup tile_order=static");
  expect_right("attention_forward q_heads=2 q_len=300 kv_len=100 head_dim=96 mask=causal",
               "consumers=1 key_tile=32 order=s7 mask_loop=split");  // rows that see nothing
}

TEST(OrderS7, goes_with_windows) {
  const std::string problem = "attention_forward q_heads=2 q_len=333 kv_len=400 head_dim=64 ",
                    config = "consumers=2 key_tile=32 order=s7 mask_loop=branch ";
  expect_right(problem + "window_left=70 window_right=20", config + "baton=issue");
  expect_right(problem + "mask=causal window_left=150", config + "extents=warpgroup k_stages=1");
  expect_right(problem + "window_left=300", config + "baton=issue reference=r4");
  expect_right(problem + "window_left=5 window_right=3", config + "extents=warpgroup reference=r3");
}

TEST(OrderS7, goes_with_other_choices) {
  expect_right(
      "attention_forward q_heads=2 q_len=200 kv_len=500 head_dim=64 mask=causal lse=true",
      "consumers=2 key_tile=64 order=s7 reference=r2 mask_loop=split stage_tiles=2 tile_order=static");
  expect_right("attention_forward q_heads=8 kv_heads=2 q_len=3 kv_len=700 head_dim=64 mask=causal",
               "consumers=1 key_tile=64 order=s7 pack_gqa=true kv_splits=3");
  expect_right("attention_forward q_heads=2 q_len=270 head_dim=128 dtype=fp16",
               "consumers=2 key_tile=64 order=s7 reference=r2 tile_order=static staging=own q_stages=2 "
               "q_in=registers p_in=shared");
  expect_right("attention_forward q_heads=2 q_len=400 head_dim=64 mask=causal window_left=70",
               "consumers=1 key_tile=32 order=s7 baton=none mask_loop=branch cluster=2");
}

TEST(TurnsOfExponentials, are_right_with_every_order_and_reference) {
  const std::string problem = "attention_forward q_heads=3 q_len=300 kv_len=400 head_dim=64 lse=true";
  expect_right(problem, "consumers=2 key_tile=64 order=s1 baton=exponentials");
  expect_right(problem, "consumers=3 key_tile=80 order=s0 baton=exponentials reference=r1 tile_order=static");
  expect_right(problem,
               "consumers=4 key_tile=64 order=s7 baton=exponentials reference=r3 tile_order=dynamic");
  expect_right(problem, "consumers=2 key_tile=128 order=s1 baton=exponentials reference=r2 k_stages=1");
  expect_right(problem, "consumers=2 key_tile=64 order=s1 baton=exponentials reference=r4 stage_tiles=2");
}

TEST(TurnsOfExponentials, go_with_masks) {
  const std::string problem = "attention_forward q_heads=4 kv_heads=1 q_len=333 head_dim=64 mask=causal ";
  expect_right(problem,
               "consumers=4 key_tile=64 baton=exponentials reference=r4 mask_loop=split "
               "extents=warpgroup tile_order=static");
  expect_right(problem + "window_left=100",
               "consumers=2 key_tile=32 order=s7 baton=exponentials mask_loop=branch k_stages=1 v_stages=1");
  expect_right(problem + "window_left=100 dtype=fp16",
               "consumers=3 key_tile=64 order=s0 baton=exponentials mask_loop=branch p_in=shared");
}

// --- planted faults --------------------------------------------------------------------------------------
// Kinds of hazards over some schedules, with the first `from` behind `behind` in the kernel replaced.
std::string found_with(const std::string& config, const std::string& behind, const std::string& from,
                       const std::string& to) {
  Plan plan = plan_for("attention_forward q_heads=1 q_len=200 kv_len=600 head_dim=64",
                       "consumers=2 key_tile=64 k_stages=2 v_stages=2 " + config);
  std::string& kernel = plan.launches[0].source.kernel;
  const size_t at = kernel.find(from, kernel.find(behind));
  EXPECT_NE(at, std::string::npos) << from;
  kernel.replace(at, from.size(), to);
  return kinds_under_schedules(plan);
}

// The wait stands behind the issue of both products, and in front of the loop's end.
TEST(OrderS7Faults, keys_and_values_handed_back_while_the_products_run) {
  const std::string wait = "wait_mma<0>(o_tile, p_tile, s_tile);", v = "release(v_ring);",
                    k = "release(k_ring);", line = "\n      ";
  const auto found = [&](const std::string& to) {
    return found_with("order=s7", "for (int n", wait + line + v + line + k, to);
  };
  EXPECT_NE(found(v + line + wait + line + k), "");
  EXPECT_NE(found(k + line + wait + line + v), "");
  EXPECT_NE(found("wait_mma<1>(o_tile, p_tile);" + line + v + line + k), "");
  EXPECT_EQ(found(wait + line + k + line + v), "") << "in either order, once both are done";
}

TEST(TurnsOfExponentialsFaults, a_turn_that_is_not_passed) {
  EXPECT_THAT(found_with("order=s1 baton=exponentials", "for (int n", "baton_pass<2>(warpgroup);", ""),
              HasSubstr("deadlock"));
}

}  // namespace
}  // namespace warpfinch::emulator
