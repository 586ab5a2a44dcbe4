// The table of leaves that a kernel gets.
#include "runtime/emulator/kernel.hpp"
#include "runtime/emulator/leaf_functions.hpp"

namespace warpfinch::emulator {

const Leaves& all_leaves() {
  static constexpr Leaves kLeaves = {
      .bad_register = bad_register_leaf,
      .trap = trap_leaf,
      .tick = tick_leaf,
      .warp = warp_leaf,
      .bar = bar_leaf,
      .mbarrier = mbarrier_leaf,
      .fence = fence_leaf,
      .cluster = cluster_leaf,
      .load_shared = load_shared_leaf,
      .store_shared = store_shared_leaf,
      .load_global = load_global_leaf,
      .store_global = store_global_leaf,
      .atomic_global = atomic_global_leaf,
      .atomic_shared = atomic_shared_leaf,
      .copy = copy_leaf,
      .copy_group = copy_group_leaf,
      .small_copy = small_copy_leaf,
      .small_copy_group = small_copy_group_leaf,
      .small_copy_arrive = small_copy_arrive_leaf,
      .product = product_leaf,
      .product_group = product_group_leaf,
      .small_product = small_product_leaf,
      .load_matrix = load_matrix_leaf,
      .store_matrix = store_matrix_leaf,
      .registers = registers_leaf,
  };
  return kLeaves;
}

}  // namespace warpfinch::emulator
