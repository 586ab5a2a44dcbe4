// tile_order=balanced: blocks with lists of tiles.
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

TEST(Lists, go_with_every_other_choice) {
  expect_right("attention_forward q_heads=4 kv_heads=2 q_len=700 head_dim=128 mask=causal lse=true",
               "consumers=2 key_tile=64 reference=r4 tile_order=balanced mask_loop=split staging=own");
  expect_right("attention_forward q_heads=3 q_len=700 head_dim=64 mask=causal",
               "consumers=4 key_tile=64 k_stages=3 v_stages=3 order=s0 baton=issue reference=r2 "
               "tile_order=balanced staging=own extents=warpgroup stage_tiles=2 q_stages=2");
  expect_right("attention_forward q_heads=8 q_len=77 kv_len=300 head_dim=64 mask=causal",
               "consumers=1 key_tile=64 order=s0 tile_order=balanced copy=ld blocks=2");
  expect_right("attention_forward q_heads=5 q_len=300 head_dim=64 window_left=10 dtype=fp16",
               "consumers=2 key_tile=64 tile_order=balanced q_in=registers staging=own");
  expect_right("attention_forward batch=2 q_heads=4 kv_heads=2 q_len=3 kv_len=600 head_dim=64 mask=causal",
               "consumers=1 key_tile=64 tile_order=balanced pack_gqa=true kv_splits=3");
}

TEST(Lists, of_one_tile) {
  expect_right("attention_forward q_heads=1 q_len=64 head_dim=64 mask=causal",
               "consumers=1 key_tile=64 reference=r4 tile_order=balanced");
}

}  // namespace
}  // namespace warpfinch::emulator
