// tile_order=dynamic: blocks claim tiles, and do those again that `redo` marked. Every launch that the
// emulator runs is also held to leave its counter at zero.
#include <gmock/gmock.h>

#include "tests/emulator/emulated.hpp"
#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

using testing::HasSubstr;

TEST(Claims, go_with_every_other_choice) {
  expect_right("attention_forward q_heads=4 kv_heads=2 q_len=700 head_dim=128 mask=causal lse=true",
               "consumer_warpgroups=2 key_tile=64 max_policy=first_tile tile_order=dynamic mask_loop=split "
               "staging=own");
  expect_right("attention_forward q_heads=3 q_len=700 head_dim=64 mask=causal",
               "consumer_warpgroups=2 key_tile=64 k_stages=4 v_stages=3 max_policy=first_tile "
               "tile_order=dynamic mask_loop=branch "
               "extents=warpgroup stage_tiles=2");
  expect_right("attention_forward q_heads=5 q_len=400 kv_len=200 head_dim=64 dtype=fp16",
               "consumer_warpgroups=2 key_tile=64 pingpong=issue max_policy=conditional tile_order=dynamic "
               "ctas_per_sm=2");
  expect_right("attention_forward q_heads=8 q_len=77 kv_len=300 head_dim=64 mask=causal",
               "consumer_warpgroups=1 key_tile=64 order=pv_first max_policy=first_tile tile_order=dynamic "
               "mask_loop=branch copy=ld");
  expect_right("attention_forward batch=2 q_heads=4 kv_heads=2 q_len=3 kv_len=600 head_dim=64",
               "consumer_warpgroups=1 key_tile=64 tile_order=dynamic pack_gqa=true kv_splits=3");
  expect_right("gemm m=600 n=300 k=200",
               "consumer_warpgroups=2 n_tile=64 k_tile=64 stages=3 tile_order=dynamic");
}

// As many blocks as tiles, and one tile.
TEST(Claims, of_blocks_that_get_no_second_tile) {
  const std::string config = "consumer_warpgroups=1 key_tile=64 max_policy=first_tile tile_order=dynamic";
  expect_right("attention_forward q_heads=3 q_len=64 head_dim=64", config);
  expect_right("attention_forward q_heads=1 q_len=64 head_dim=64", config);
}

// Keys of every third head grow past the first tile, so that its reference does not fit.
void plant(HostTensor& k) {
  const int64_t heads = k.buffer.shape[1], keys = k.buffer.shape[2];
  map_elements(k, [&](double value, int64_t matrix, int64_t key, int64_t) {
    return matrix % heads % 3 == 0 && key >= keys / 2 ? 40 * value : value;
  });
}

void expect_right_when_planted(const std::string& problem, const std::string& config, int multiprocessors,
                               bool counters = true) {
  SCOPED_TRACE(problem + " / " + config);
  const Plan plan = plan_for(problem, config);
  const auto kernels = kernels_of(plan);
  std::vector<HostTensor> tensors = workload(plan.buffers, 7);
  plant(tensors[1]);
  for (uint64_t seed : {0, 1}) {
    const Options options{.schedule_seed = seed, .threads = machine_threads(), .counters = counters};
    expect_clean_and_right(kernels, plan, tensors, options, multiprocessors);
  }
}

const char* const kRising = "attention_forward q_heads=9 q_len=300 head_dim=64 mask=causal";

TEST(Claims, are_done_again_by_the_block_that_made_them) {
  expect_right_when_planted(
      kRising, "consumer_warpgroups=2 key_tile=64 max_policy=first_tile tile_order=dynamic staging=own", 3);
  expect_right_when_planted(
      kRising,
      "consumer_warpgroups=1 key_tile=64 max_policy=first_tile tile_order=dynamic mask_loop=branch "
      "extents=warpgroup",
      2);
  expect_right_when_planted(
      kRising, "consumer_warpgroups=1 key_tile=64 max_policy=first_tile tile_order=dynamic copy=ld", 2);
}

TEST(Claims, are_not_needed_where_the_device_has_no_counter_left) {
  expect_right_when_planted(
      kRising, "consumer_warpgroups=2 key_tile=64 max_policy=first_tile tile_order=dynamic", 3, false);
}

// 256 numbers are kept; tiles behind these are done right at once.
TEST(Claims, more_than_are_kept) {
  expect_right_when_planted("attention_forward q_heads=300 q_len=64 kv_len=96 head_dim=32",
                            "consumer_warpgroups=1 key_tile=32 max_policy=first_tile tile_order=dynamic", 1);
}

// The report of a gemm whose ring holds several tiles, with `from` in claim.cuh replaced.
Report with_fault(const std::string& from, const std::string& to) {
  Plan plan = plan_for("gemm m=600 n=64 k=32",
                       "consumer_warpgroups=1 n_tile=64 k_tile=32 stages=6 tile_order=dynamic");
  for (Header& header : plan.launches[0].source.headers) {
    if (header.name != "claim.cuh") continue;
    const size_t at = header.text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    header.text.replace(at, from.size(), to);
  }
  std::vector<HostTensor> tensors = workload(plan.buffers, 7);
  return run_plan(kernels_of(plan), plan, tensors, {}, 1);
}

TEST(Claims, that_leave_the_counter_elsewhere_are_reported) {
  const Report report = with_fault("tiles - 1", "tiles + 1");
  ASSERT_EQ(report.hazards.size(), 1u);
  EXPECT_THAT(report.hazards[0].text, HasSubstr("leaves its counter of tiles at 10, not at 0 (of 10 tiles)"));
}

TEST(Claims, handed_over_wrongly_are_reported) {
  EXPECT_EQ(with_fault("mbarrier_wait(empty(i), parity(i) ^ 1);", "").hazards.at(0).kind, "data race");
  EXPECT_EQ(with_fault("mbarrier_wait(full(i), parity(i));", "").hazards.at(0).kind, "data race");
  EXPECT_EQ(with_fault("warp_sync();", "").hazards.at(0).kind, "data race");
  EXPECT_EQ(with_fault("mbarrier_arrive(empty(i));", "").hazards.at(0).kind, "deadlock");
}

}  // namespace
}  // namespace warpfinch::emulator
