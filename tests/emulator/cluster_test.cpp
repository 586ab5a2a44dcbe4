// Clusters: distributed shared memory, their barrier, arrivals at another block's mbarrier, multicast.
#include "tests/emulator/hand_made.hpp"

namespace warpfinch::emulator {
namespace {

const std::string kStart =
    "  const int i = thread_index();\n  const u32 at = shared_base();\n"
    "  const auto cluster = [](emulated::ClusterOp op, u32 address = 0, u32 rank = 0) {\n"
    "    return leaves->cluster(*self, op, address, rank);\n  };\n"
    "  const u32 rank = cluster(emulated::ClusterOp::rank);\n";
const std::string kSync = "  cluster(emulated::ClusterOp::arrive);\n  cluster(emulated::ClusterOp::wait);\n";

std::string kinds(const std::string& body, Words& out, std::vector<TensorMap> maps = {}) {
  std::string all;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const std::string found = kinds_of(run_by_hand(
        {.body = kStart + body, .shared_bytes = 4096, .grid = 4, .maps = maps, .seed = seed, .cluster = 2},
        {&out}));
    if (all.find(found) == std::string::npos) all += (all.empty() ? "" : " | ") + found;
  }
  return all;
}

TEST(EmulatedCluster, blocks_read_each_other_behind_the_barrier) {
  const std::string write = "  st_shared(at + 4 * i, 100 * rank + i);\n";
  const std::string read =
      "  st_global(a + 32 * block_index() + i,\n"
      "            ld_shared(cluster(emulated::ClusterOp::map_address, at + 4 * i, 1 - rank)));\n";
  Words out(128);
  EXPECT_EQ(kinds(write + kSync + read + kSync, out), "");
  EXPECT_EQ(out[5], 105u);
  EXPECT_EQ(out[32 + 5], 5u);
  EXPECT_NE(kinds(write + read + kSync, out), "");
  EXPECT_EQ(kinds("  cluster(emulated::ClusterOp::wait);\n", out), "wrong barrier");
  EXPECT_EQ(
      kinds("  if (rank == 0) {\n  " + kSync + "  } else {\n    cluster(emulated::ClusterOp::arrive);\n  }\n",
            out),
      "");  // who has arrived may leave
  EXPECT_EQ(kinds("  st_shared(cluster(emulated::ClusterOp::map_address, at, 2), 1u);\n", out),
            "out of bounds");
}

TEST(EmulatedCluster, arrivals_cross_blocks) {
  const std::string init =
      "  if (i == 0) {\n    mbarrier_init(at, 2);\n    mbarrier_init_fence();\n  }\n" + kSync;
  const std::string body =
      "  if (i == 0)\n    for (u32 to = 0; to < 2; ++to) {\n"
      "      st_shared(cluster(emulated::ClusterOp::map_address, at + 64 + 4 * rank, to), 7 + rank);\n"
      "      mbarrier_arrive(cluster(emulated::ClusterOp::map_address, at, to));\n    }\n"
      "  mbarrier_wait(at, 0);\n"
      "  st_global(a + 32 * block_index() + i, ld_shared(at + 64) + ld_shared(at + 68));\n";
  Words out(128);
  EXPECT_EQ(kinds(init + body + kSync, out), "");
  EXPECT_EQ(out[40], 15u);
}

TEST(EmulatedCluster, multicast_lands_in_every_block) {
  const std::string body =
      "  if (i == 0) {\n    mbarrier_init(at, 1);\n    mbarrier_init_fence();\n"
      "    mbarrier_arrive_expect(at, 128);\n  }\n" +
      kSync +
      "  if (i == 0 && rank == 0) {\n    auto call = tensor_copy(emulated::CopyOp::tensor_load, map0, at + "
      "1024, at, 0);\n"
      "    call.multicast = 3;\n    leaves->copy(*self, call);\n  }\n"
      "  mbarrier_wait(at, 0);\n  st_global(a + 64 + 32 * block_index() + i, ld_shared(at + 1024 + 4 * "
      "i));\n" +
      kSync;
  Words out = counting(256);
  EXPECT_EQ(kinds(body, out, {{DataType::fp32, {32}, {}, {32}, 0}}), "");
  EXPECT_EQ(out[64 + 7], 7u);
  EXPECT_EQ(out[96 + 9], 9u);
}

}  // namespace
}  // namespace warpfinch::emulator
