// Attention whose blocks load keys and values together (cluster=N): right and without hazard, and caught
// where a piece of it is missing.
#include <gmock/gmock.h>

#include "tests/emulator/emulated.hpp"

namespace warpfinch::emulator {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

// The last cluster has one block with few rows, and one or more with none.
TEST(Multicast, is_right_where_rows_end_in_a_cluster) {
  expect_right("attention_forward q_heads=2 q_len=130 kv_len=400 head_dim=64",
               "consumer_warpgroups=1 key_tile=64 k_stages=2 v_stages=3 cluster=2");
  expect_right("attention_forward q_heads=2 q_len=270 kv_len=300 head_dim=80 dtype=fp16",
               "consumer_warpgroups=1 key_tile=64 order=pv_first max_policy=conditional tile_order=static "
               "staging=own cluster=4");
  expect_right("attention_forward q_heads=4 kv_heads=2 q_len=300 head_dim=128 mask=causal lse=true",
               "consumer_warpgroups=2 key_tile=64 pingpong=issue tile_order=static cluster=2");
}

TEST(Multicast, goes_with_masks_and_every_bound) {
  expect_right(
      "attention_forward q_heads=4 kv_heads=1 q_len=333 head_dim=96 mask=causal",
      "consumer_warpgroups=1 key_tile=48 k_stages=3 v_stages=2 mask_loop=branch extents=warpgroup cluster=2");
  expect_right("attention_forward q_heads=2 q_len=200 kv_len=500 head_dim=64 mask=causal",
               "consumer_warpgroups=2 key_tile=64 max_policy=speculative order=pv_first mask_loop=split "
               "stage_tiles=2 cluster=2");
  expect_right("attention_forward q_heads=2 q_len=400 head_dim=64 mask=causal window_left=70",
               "consumer_warpgroups=1 key_tile=32 k_stages=1 v_stages=1 tile_order=static q_stages=2 "
               "staging=none cluster=4");
}

TEST(Multicast, goes_with_other_choices) {
  expect_right("attention_forward q_heads=2 q_len=300 head_dim=128 dtype=fp16",
               "consumer_warpgroups=1 key_tile=64 max_policy=first_tile tile_order=static q_in=registers "
               "ctas_per_sm=2 cluster=2");
  expect_right("attention_forward q_heads=8 kv_heads=2 q_len=20 kv_len=300 head_dim=64 mask=causal",
               "consumer_warpgroups=1 key_tile=32 pack_gqa=true kv_splits=2 cluster=2");
}

// Rows of one block only have scores that its first reference does not fit; its cluster does the tile again.
TEST(Multicast, does_tiles_again_in_all_blocks) {
  for (const char* rest : {"tile_order=static staging=own", "mask_loop=branch"}) {
    const Plan plan =
        plan_for("attention_forward q_heads=3 q_len=200 kv_len=200 head_dim=64",
                 std::string("consumer_warpgroups=1 key_tile=64 max_policy=first_tile cluster=2 ") + rest);
    const auto kernels = kernels_of(plan);
    std::vector<HostTensor> tensors = workload(plan.buffers, 7);
    map_elements(tensors[0], [](double value, int64_t head, int64_t row, int64_t) {
      return head == 1 && row >= 64 && row < 128 ? 60 * value : value;
    });
    map_elements(tensors[1],
                 [](double value, int64_t, int64_t key, int64_t) { return key >= 100 ? 3 * value : value; });
    for (uint64_t seed : {0, 1, 2})
      expect_clean_and_right(kernels, plan, tensors, {.schedule_seed = seed, .threads = machine_threads()});
  }
}

// --- planted faults --------------------------------------------------------------------------------------
void replace(std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.rfind(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

// Kinds of hazards over some schedules, with the last `from` in a header, or in the kernel, replaced.
std::string found_with(const std::string& from, const std::string& to,
                       std::string_view where = "sm90/cluster.cuh", int head_dim = 64) {
  Plan plan =
      plan_for("attention_forward q_heads=1 q_len=128 kv_len=300 head_dim=" + std::to_string(head_dim),
               "consumer_warpgroups=1 key_tile=64 k_stages=2 v_stages=2 cluster=2");
  CudaSource& source = plan.launches[0].source;
  if (where == "kernel") replace(source.kernel, from, to);
  for (Header& header : source.headers)
    if (header.name == where) replace(header.text, from, to);
  return kinds_under_schedules(plan);
}

TEST(MulticastFaults, released_to_ones_own_block_only) {
  EXPECT_THAT(found_with("mbarrier_arrive_remote(cluster_address(ring.empty(), lane_index()))",
                         "mbarrier_arrive(ring.empty())"),
              HasSubstr("data race"));
  EXPECT_THAT(found_with("if (lane_index() < Blocks) mbarrier_arrive_remote",
                         "if (lane_index() == 0) "
                         "mbarrier_arrive_remote"),
              HasSubstr("deadlock"));
}

TEST(MulticastFaults, blocks_that_begin_or_end_alone) {
  EXPECT_THAT(found_with("  cluster_sync();\n}", "}", "kernel"), HasSubstr("block has ended"));
  EXPECT_THAT(
      found_with("  cluster_sync();\n  const int warp", "  block_sync();\n  const int warp", "kernel"),
      AnyOf(HasSubstr("wrong mbarrier"), HasSubstr("data race")));
}

// Above the 18 bits of an address stands the block's rank, and in the descriptor the step between panels.
TEST(MulticastFaults, descriptors_of_whole_addresses) {
  EXPECT_THAT(found_with("return address & 0x3ffff;", "return address;", "sm90/mma.cuh", 128),
              HasSubstr("data race"));
}

TEST(MulticastFaults, parts_that_do_not_add_up) {
  EXPECT_THAT(found_with("Multicast{(1 << Blocks) - 1}", "Multicast{1}"), HasSubstr("deadlock"));
  EXPECT_THAT(found_with("acquire<8192>(v_ring)", "acquire<4096>(v_ring)", "kernel"),
              HasSubstr("wrong expect_tx"));
}

}  // namespace
}  // namespace warpfinch::emulator
