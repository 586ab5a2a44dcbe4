// The leaves, by file. Each does what the PTX ISA says of its instruction; leaves.hpp has their table.
#pragma once

#include "runtime/emulator/world.hpp"

namespace warpfinch::emulator {

// schedule.cpp
void tick_leaf(ThreadState&);
// warp.cpp
unsigned warp_leaf(ThreadState&, WarpOp, unsigned value, unsigned parameter, unsigned mask);
// barriers.cpp
unsigned bar_leaf(ThreadState&, BarOp, int barrier, int threads, unsigned predicate);
void fence_leaf(ThreadState&, FenceOp);
// cluster.cpp
unsigned cluster_leaf(ThreadState&, ClusterOp, unsigned address, unsigned rank);
// mbarrier.cpp
bool mbarrier_leaf(ThreadState&, MbarrierOp, unsigned address, unsigned value);
// shared.cpp
void load_shared_leaf(ThreadState&, unsigned address, void* to, int bytes);
void store_shared_leaf(ThreadState&, unsigned address, const void* from, int bytes);
void atomic_shared_leaf(ThreadState&, AtomicOp, ValueType, unsigned address, void* value, int count);
// global.cpp
void load_global_leaf(ThreadState&, const void* from, void* to, int bytes);
void store_global_leaf(ThreadState&, void* to, const void* from, int bytes);
void atomic_global_leaf(ThreadState&, AtomicOp, ValueType, void* address, void* value, int count);
// copies.cpp
void copy_leaf(ThreadState&, const CopyCall&);
void copy_group_leaf(ThreadState&, GroupOp, int pending);
// small_copies.cpp
void small_copy_leaf(ThreadState&, unsigned to, const void* from, int bytes, int source_bytes);
void small_copy_group_leaf(ThreadState&, GroupOp, int pending);
void small_copy_arrive_leaf(ThreadState&, unsigned barrier);
// products.cpp
void product_leaf(ThreadState&, const ProductCall&);
void product_group_leaf(ThreadState&, GroupOp, int pending);
// matrices.cpp
void small_product_leaf(ThreadState&, const SmallProductCall&);
void load_matrix_leaf(ThreadState&, unsigned address, unsigned* to, int count, bool transposed);
void store_matrix_leaf(ThreadState&, unsigned address, const unsigned* from, int count, bool transposed);
// registers.cpp
void registers_leaf(ThreadState&, int per_thread, bool grow);
void bad_register_leaf(ThreadState&, unsigned state, bool write);
void trap_leaf(ThreadState&, const char* why);

}  // namespace warpfinch::emulator
