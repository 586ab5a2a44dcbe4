// The orders of tiles of unequal length: lists for each block (tile_order=balanced), heads in groups.
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

TEST(Lists, go_with_every_other_choice) {
  expect_right("attention_forward q_heads=4 kv_heads=2 q_len=700 head_dim=128 mask=causal lse=true",
               "consumer_warpgroups=2 key_tile=64 max_policy=first_tile tile_order=balanced mask_loop=split "
               "staging=own");
  expect_right("attention_forward q_heads=3 q_len=700 head_dim=64 mask=causal",
               "consumer_warpgroups=4 key_tile=64 k_stages=3 v_stages=3 order=pv_first pingpong=issue "
               "max_policy=speculative "
               "tile_order=balanced staging=own extents=warpgroup stage_tiles=2 q_stages=2");
  expect_right("attention_forward q_heads=8 q_len=77 kv_len=300 head_dim=64 mask=causal",
               "consumer_warpgroups=1 key_tile=64 order=pv_first tile_order=balanced copy=ld ctas_per_sm=2");
  expect_right("attention_forward q_heads=5 q_len=300 head_dim=64 window_left=10 dtype=fp16",
               "consumer_warpgroups=2 key_tile=64 tile_order=balanced q_in=registers staging=own");
  expect_right("attention_forward batch=2 q_heads=4 kv_heads=2 q_len=3 kv_len=600 head_dim=64 mask=causal",
               "consumer_warpgroups=1 key_tile=64 tile_order=balanced pack_gqa=true kv_splits=3");
}

// Not lists, but the other order that a mask with one edge can have.
TEST(HeadGroups, cover_all_heads) {
  expect_right("attention_forward batch=2 q_heads=12 kv_heads=4 q_len=200 head_dim=64 mask=causal lse=true",
               "consumer_warpgroups=1 key_tile=64 tile_order=static head_group=3");
  expect_right("attention_forward q_heads=4 q_len=200 head_dim=64 window_left=20",
               "consumer_warpgroups=2 key_tile=64 tile_order=flat head_group=2");
  expect_right("attention_forward q_heads=8 kv_heads=4 q_len=30 kv_len=500 head_dim=128 mask=causal",
               "consumer_warpgroups=1 key_tile=64 max_policy=first_tile tile_order=dynamic head_group=2 "
               "pack_gqa=true kv_splits=2");
}

TEST(Lists, of_one_tile) {
  expect_right("attention_forward q_heads=1 q_len=64 head_dim=64 mask=causal",
               "consumer_warpgroups=1 key_tile=64 max_policy=first_tile tile_order=balanced");
}

}  // namespace
}  // namespace warpfinch::emulator
