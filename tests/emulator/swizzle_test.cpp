// Tiles with panels narrower than they could have (swizzle=64, 32): right and without hazard, O in Q's place
// or in one of its own, P in shared memory, by every copy path.
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

TEST(SwizzleCaps, are_right_at_every_head_dim) {
  expect_right("attention_forward q_heads=2 q_len=130 kv_len=200 head_dim=64",
               "consumer_warpgroups=2 key_tile=64 swizzle=64");
  expect_right("attention_forward q_heads=4 kv_heads=2 q_len=150 head_dim=128 mask=causal lse=true",
               "consumer_warpgroups=2 key_tile=64 pingpong=issue tile_order=static swizzle=32");
  expect_right("attention_forward q_heads=2 q_len=70 kv_len=140 head_dim=96 dtype=fp16",
               "consumer_warpgroups=1 key_tile=48 order=pv_first max_policy=conditional swizzle=32");
  expect_right("attention_forward q_heads=2 q_len=100 head_dim=32 mask=causal window_left=30",
               "consumer_warpgroups=1 key_tile=32 swizzle=64");
}

TEST(SwizzleCaps, go_with_other_choices) {
  expect_right("attention_forward q_heads=2 q_len=300 head_dim=128 value_dim=64",
               "consumer_warpgroups=1 key_tile=64 cluster=2 staging=own q_in=registers swizzle=64");
  expect_right("attention_forward q_heads=2 q_len=130 kv_len=150 head_dim=64 mask=causal",
               "consumer_warpgroups=2 key_tile=80 p_in=shared copy=cp_async swizzle=64");
  expect_right("attention_forward q_heads=2 q_len=130 kv_len=150 head_dim=64 mask=causal",
               "consumer_warpgroups=2 key_tile=48 p_in=shared copy=ld swizzle=32");
}

}  // namespace
}  // namespace warpfinch::emulator
