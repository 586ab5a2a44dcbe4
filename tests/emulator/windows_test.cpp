// Sliding windows whose rows begin where keys end.
#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

// A trip of two key tiles that begins at the last of them reaches past it, though keys are whole trips.
TEST(Windows, trips_that_begin_at_the_last_tile_end_with_the_keys) {
  const char* const kTrips[] = {
      "consumer_warpgroups=3 key_tile=64 k_stages=1 v_stages=2 order=qk_first max_policy=always "
      "mask_loop=branch stage_tiles=2",
      "consumer_warpgroups=2 key_tile=32 order=pv_first max_policy=speculative tile_order=static "
      "mask_loop=branch stage_tiles=2"};
  for (const char* config : kTrips) {
    expect_right(
        "attention_forward q_len=414 kv_len=128 head_dim=64 mask=causal_top_left window_left=25 lse=true",
        config);
    expect_right("attention_forward q_len=300 kv_len=128 head_dim=64 window_left=40 lse=true", config);
    expect_right("attention_forward q_len=130 kv_len=256 head_dim=64 window_left=30 window_right=20", config);
  }
}

}  // namespace
}  // namespace warpfinch::emulator
