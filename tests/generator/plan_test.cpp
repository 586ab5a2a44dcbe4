#include "generator/plan.hpp"

#include <gtest/gtest.h>

namespace warpfinch {
namespace {

TEST(Plans, extent_spans_strides_and_broadcasts) {
  EXPECT_EQ(extent({.name = "x", .type = DataType::bf16, .shape = {2, 3}, .strides = {10, 2}}), 15);
  EXPECT_EQ(extent({.name = "x", .type = DataType::bf16, .shape = {1000, 3}, .strides = {0, 1}}), 3);
  EXPECT_EQ(extent({.name = "x", .type = DataType::bf16, .shape = {4, 0}, .strides = {1, 1}}), 0);
  EXPECT_EQ(
      extent({.name = "x", .type = DataType::bf16, .shape = {1 << 20, 1 << 20}, .strides = {1 << 20, 1}}),
      int64_t{1} << 40);
}

TEST(Plans, persistent_grids_are_as_large_as_the_device_or_the_work) {
  Launch launch;
  launch.tiles = 1000;
  EXPECT_EQ(grid_size(launch, 132), 1000);
  launch.persistent = true;
  EXPECT_EQ(grid_size(launch, 132), 132);
  launch.blocks_per_multiprocessor = 2;
  EXPECT_EQ(grid_size(launch, 132), 264);
  launch.tiles = 7;
  EXPECT_EQ(grid_size(launch, 132), 7);
  launch.cluster = 4;  // whole ones
  EXPECT_EQ(grid_size(launch, 132), 28);
  EXPECT_EQ(grid_size(launch, 7), 12);
  EXPECT_EQ(grid_size(launch, 1), 4);
  launch.persistent = false;
  EXPECT_EQ(grid_size(launch, 1), 28);
}

}  // namespace
}  // namespace warpfinch
