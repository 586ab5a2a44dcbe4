// tile_order=balanced: what tiles cost, and how they are shared out.
#include "generator/lower/balance.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "generator/ir/program.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch::lower {
namespace {

using testing::ElementsAre;

std::vector<int64_t> costs_of(const std::string& problem, const std::string& config) {
  return tile_costs(ir::parse(plan_of(problem, config).launches[0].program));
}

std::vector<int64_t> sums(const std::vector<std::vector<int64_t>>& lists, const std::vector<int64_t>& costs) {
  std::vector<int64_t> result;
  for (const auto& list : lists)
    result.push_back(std::accumulate(list.begin(), list.end(), int64_t{0}, [&](int64_t sum, int64_t tile) {
      return sum + costs[static_cast<size_t>(tile)];
    }));
  return result;
}

double over_average(const std::vector<std::vector<int64_t>>& lists, const std::vector<int64_t>& costs) {
  const auto all = static_cast<double>(std::accumulate(costs.begin(), costs.end(), int64_t{0}));
  const std::vector<int64_t> loads = sums(lists, costs);
  return static_cast<double>(*std::max_element(loads.begin(), loads.end())) *
         static_cast<double>(lists.size()) / all;
}

// 128 rows of Q, and K and V of 64 keys: 16 KB each way. The diagonal of row tile i lies in key tiles 2i,
// 2i+1.
TEST(TileCosts, are_the_bytes_that_a_tile_loads) {
  EXPECT_THAT(costs_of("attention_forward q_heads=2 q_len=300 head_dim=64 mask=causal",
                       "consumer_warpgroups=2 key_tile=64 tile_order=balanced"),
              ElementsAre(98304, 98304, 81920, 81920, 49152, 49152));
}

TEST(TileCosts, of_a_mask_that_begins_rows) {
  EXPECT_THAT(costs_of("attention_forward q_heads=1 q_len=256 head_dim=64 window_left=0",
                       "consumer_warpgroups=1 key_tile=64 tile_order=balanced"),
              ElementsAre(73728, 57344, 40960, 24576));
}

TEST(BalancedLists, have_every_tile_once_and_long_ones_first) {
  const std::vector<int64_t> costs{5, 1, 4, 4, 2, 9, 3, 3, 3, 1};
  const auto lists = balanced_lists(costs, 3);
  std::vector<int64_t> all;
  for (const auto& list : lists) {
    all.insert(all.end(), list.begin(), list.end());
    EXPECT_TRUE(std::is_sorted(list.begin(), list.end(), [&](int64_t a, int64_t b) {
      return costs[static_cast<size_t>(a)] > costs[static_cast<size_t>(b)];
    }));
  }
  std::sort(all.begin(), all.end());
  EXPECT_THAT(all, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_EQ(over_average(lists, costs), 12 * 3 / 35.0);
}

// Longest tile first alone ends at 34 units of 256 keys here, the average is 32.97.
TEST(BalancedLists, are_closer_than_longest_tile_first) {
  const auto costs = costs_of("attention_forward q_heads=32 q_len=4096 head_dim=64 mask=causal",
                              "consumer_warpgroups=4 key_tile=64 tile_order=balanced");
  ASSERT_EQ(costs.size(), 512);
  const auto lists = balanced_lists(costs, 132);
  EXPECT_LT(over_average(lists, costs), 1.004);
}

TEST(BalancedLists, of_fewer_tiles_than_fill_a_second_round) {
  const auto lists = balanced_lists({3, 2, 1}, 3);
  EXPECT_THAT(lists, ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2)));
}

}  // namespace
}  // namespace warpfinch::lower
