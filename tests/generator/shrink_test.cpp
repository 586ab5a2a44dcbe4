// Problems shrunk for the emulator keep what their config needs.
#include "generator/shrink.hpp"

#include <gtest/gtest.h>

#include "generator/config_space.hpp"
#include "generator/generate.hpp"
#include "tests/generator/random_pair.hpp"

namespace warpfinch {
namespace {

const Target& sm_90a() { return target_by_name("sm_90a"); }

std::string shrunk(const std::string& problem, const std::string& config) {
  const Problem whole = parse_problem(problem);
  return to_text(shrink(whole, parse_config(config, whole), sm_90a()));
}

TEST(Shrink, a_long_product_keeps_its_ragged_edges_and_goes_round_its_ring) {
  // 257 rows: two tiles of 128 and one row; 4 stages of 64 and one more column behind the wrap.
  EXPECT_EQ(
      shrunk("gemm batch=8 m=4097 n=4096 k=4160", "consumer_warpgroups=2 n_tile=128 k_tile=64 stages=3"),
      "gemm batch=2 m=129 n=256 k=320 dtype=bf16 output=bf16 layout=tn epilogue=none");
}

TEST(Shrink, attention_keeps_groups_masks_and_remainders) {
  EXPECT_EQ(shrunk("attention_forward batch=4 q_heads=32 kv_heads=8 q_len=4096 head_dim=128 mask=causal",
                   "consumer_warpgroups=2 key_tile=128 k_stages=2 v_stages=2"),
            "attention_forward batch=1 q_heads=2 kv_heads=1 q_len=256 kv_len=512 head_dim=128 dtype=bf16 "
            "mask=causal layout=bshd");
  EXPECT_EQ(
      shrunk("attention_forward q_heads=16 q_len=1001 head_dim=64", "consumer_warpgroups=1 key_tile=64"),
      "attention_forward batch=1 q_heads=2 kv_heads=2 q_len=105 kv_len=233 head_dim=64 dtype=bf16 "
      "mask=none layout=bshd");
}

TEST(Shrink, every_split_of_the_keys_keeps_keys_for_its_ring) {
  // Four splits of four tiles, the last one ragged as that of the whole is.
  EXPECT_EQ(shrunk("attention_forward q_heads=32 kv_heads=8 q_len=1 kv_len=131000 head_dim=128",
                   "consumer_warpgroups=1 key_tile=128 pack_gqa=true kv_splits=4"),
            "attention_forward batch=1 q_heads=2 kv_heads=1 q_len=1 kv_len=1976 head_dim=128 dtype=bf16 "
            "mask=none layout=bshd");
}

TEST(Shrink, what_is_small_stays) {
  const std::string text = "softmax rows=3 columns=7 dtype=fp32";
  EXPECT_EQ(shrunk(text, "warps=1 column_tile=128"), text);
}

TEST(Shrink, random_pairs_stay_legal_and_never_grow) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    const auto pair = random_pair(seed, sm_90a());
    ASSERT_TRUE(pair);
    const Problem small = shrink(pair->problem, pair->config, sm_90a());
    EXPECT_FALSE(check(small, pair->config, sm_90a())) << to_text(small);
    EXPECT_TRUE(generate(small, pair->config, sm_90a())) << to_text(small);
    EXPECT_LE(flops(small), flops(pair->problem));
    EXPECT_EQ(operation(small), operation(pair->problem));
    EXPECT_EQ(to_text(shrink(small, pair->config, sm_90a())), to_text(small)) << "shrinks twice";
  }
}

}  // namespace
}  // namespace warpfinch
