// What a built kernel and the emulator agree on: the state of a thread, the cells of register tiles, and the
// table of leaves. Header-free; embedded as text into every kernel, and included by the emulator itself.
#pragma once

namespace warpfinch::emulator {

// What a leaf of the kernel knows of its thread without asking.
struct ThreadState {
  int thread = 0, threads = 0;  // in the block
  int block = 0, blocks = 0;
  int line = 0;         // of the kernel's text, set in front of each statement
  unsigned marks = 0;   // statements begun
  unsigned era = 1;     // wgmma.fence executed so far, plus one
  unsigned waited = 0;  // wgmma groups that wait_group has covered
};

// --- cells of register tiles ------------------------------------------------------------------------------
// Their state: 0 never written; else the era of the last access; or in flight, with the number of a group.
constexpr unsigned kWrittenByProduct = 0x80000000u;  // accumulators
constexpr unsigned kReadByProduct = 0xc0000000u;     // first factors: may be read, not written
constexpr unsigned kGroupMask = 0x3fffffffu;

struct CellState {
  unsigned state = 0;
};
template <class T>
struct Cell : CellState {
  T value;
};

// --- arguments of leaves -------------------------------------------------------------------------
enum class WarpOp { sync, shuffle_xor, shuffle_index, shuffle_up, shuffle_down, any, all, ballot, elect };
enum class BarOp { sync, arrive, reduce_or, reduce_and, count };
enum class MbarrierOp { init, arrive, arrive_expect, expect, try_wait, test_wait, invalidate };
enum class ClusterOp { rank, size, map_address, arrive, wait };
enum class FenceOp { proxy_async, mbarrier_init, block, device };
enum class GroupOp { fence, commit, wait, wait_read };
enum class AtomicOp { add, increment, exchange, compare_exchange, maximum, minimum, bit_or, bit_and };
enum class ValueType { u32, i32, u64, fp32, bf16, fp16 };
enum class CopyOp { tensor_load, tensor_store, tensor_add, bulk_load, bulk_store, bulk_add };

struct CopyCall {
  CopyOp op = CopyOp::tensor_load;
  const void* map = nullptr;  // of the tensor forms: the kernel's parameter
  void* global = nullptr;     // of the others
  unsigned shared = 0, barrier = 0;
  int bytes = 0;
  ValueType type = ValueType::fp32;  // bulk_add
  int rank = 0, at[5] = {};          // coordinates, innermost first
  unsigned multicast = 0;            // blocks of the cluster, a mask; 0: this one
};

// wgmma.mma_async.sync.aligned.m64nNk16.f32.T.T
struct ProductCall {
  int columns = 0;
  ValueType type = ValueType::bf16;
  bool accumulate = false, negate_a = false, negate_b = false, a_transposed = false, b_transposed = false;
  Cell<float>* d = nullptr;           // columns / 2
  const Cell<unsigned>* a = nullptr;  // 4, or:
  unsigned long long a_descriptor = 0, b_descriptor = 0;
};

// mma.sync.aligned.m16n8k16.row.col.f32.T.T.f32
struct SmallProductCall {
  ValueType type = ValueType::bf16;
  float* d = nullptr;                         // 4, in and out
  const unsigned *a = nullptr, *b = nullptr;  // 4, 2
};

// --- the leaves ----------------------------------------------------------------------------------
struct Leaves {
  void (*bad_register)(ThreadState&, unsigned state, bool write);
  void (*trap)(ThreadState&, const char* why);
  void (*tick)(ThreadState&);  // time passes: see begin_statement
  unsigned (*warp)(ThreadState&, WarpOp, unsigned value, unsigned parameter, unsigned mask);
  unsigned (*bar)(ThreadState&, BarOp, int barrier, int threads, unsigned predicate);
  bool (*mbarrier)(ThreadState&, MbarrierOp, unsigned address, unsigned value);
  void (*fence)(ThreadState&, FenceOp);
  // map_address: of the same place in the block of that rank (mapa).
  unsigned (*cluster)(ThreadState&, ClusterOp, unsigned address, unsigned rank);
  void (*load_shared)(ThreadState&, unsigned address, void* to, int bytes);
  void (*store_shared)(ThreadState&, unsigned address, const void* from, int bytes);
  void (*load_global)(ThreadState&, const void* from, void* to, int bytes);
  void (*store_global)(ThreadState&, void* to, const void* from, int bytes);
  // `value`: the operand, then for compare_exchange the new value; gets what stood there.
  void (*atomic_global)(ThreadState&, AtomicOp, ValueType, void* address, void* value, int count);
  void (*atomic_shared)(ThreadState&, AtomicOp, ValueType, unsigned address, void* value, int count);
  void (*copy)(ThreadState&, const CopyCall&);
  void (*copy_group)(ThreadState&, GroupOp, int pending);
  void (*small_copy)(ThreadState&, unsigned to, const void* from, int bytes, int source_bytes);  // cp.async
  void (*small_copy_group)(ThreadState&, GroupOp, int pending);
  void (*small_copy_arrive)(ThreadState&, unsigned barrier);
  void (*product)(ThreadState&, const ProductCall&);
  void (*product_group)(ThreadState&, GroupOp, int pending);
  void (*small_product)(ThreadState&, const SmallProductCall&);
  void (*load_matrix)(ThreadState&, unsigned address, unsigned* to, int count, bool transposed);
  void (*store_matrix)(ThreadState&, unsigned address, const unsigned* from, int count, bool transposed);
  void (*registers)(ThreadState&, int per_thread, bool grow);
};

}  // namespace warpfinch::emulator
