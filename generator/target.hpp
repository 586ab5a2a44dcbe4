// What a GPU can do, as data. No pass compares an SM number; it asks the row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warpfinch {

constexpr int kWarpThreads = 32, kWarpgroupWarps = 4;

// The matrix unit, for 16-bit factors and fp32 sums.
struct MatrixUnit {
  std::string_view instruction;  // "wgmma", as messages call it
  int rows, warps;               // of one instruction, and the warps that issue it together
  int depth;                     // k that one instruction sums over
  int max_columns, column_step;  // of a tile of sums
  // Products stay in flight until they are waited for, and read shared memory through the async proxy. Others
  // are done when they have been issued, and what they read comes through the registers of their warp.
  bool asynchronous;
  bool operator==(const MatrixUnit&) const = default;
};

struct Target {
  std::string name;   // the -arch= of NVRTC, e.g. "sm_90a"
  int compute_major;  // of the devices it runs on
  int compute_minor;
  int multiprocessors;         // of the device; the table's value is the full part's
  int shared_bytes_per_block;  // dynamic limit, opt-in
  int shared_bytes_per_multiprocessor;
  int64_t l2_bytes;
  int registers_per_multiprocessor;
  int register_granularity;  // registers per thread come in multiples of this
  int max_registers_per_thread;
  int max_threads_per_block;
  MatrixUnit mma;
  bool tma;                        // tensor maps, bulk copies, and mbarriers that count their bytes
  bool register_reallocation;      // setmaxnreg, by whole warpgroups
  int max_cluster;                 // blocks; 1: there are no clusters
  int named_barriers;              // of a block, number 0 among them, which block_sync takes
  int mma_flops_per_clock;         // dense 16-bit, per multiprocessor
  int exponentials_per_clock;      // ex2, per multiprocessor
  double clock_ghz;                // sustained, for the static model
  double memory_bytes_per_second;  // for the static model
  bool operator==(const Target&) const = default;
};

// Rows of a register tile that a warp holds, and a warpgroup.
constexpr int warp_rows(const Target& target) { return target.mma.rows / target.mma.warps; }
constexpr int warpgroup_rows(const Target& target) { return kWarpgroupWarps * warp_rows(target); }
// What a launch allots to every thread, where `blocks` of so many threads share a multiprocessor.
constexpr int launch_registers(int64_t threads, int64_t blocks, const Target& target) {
  const int64_t share = target.registers_per_multiprocessor / (threads * blocks);
  return static_cast<int>(std::min<int64_t>(share / target.register_granularity * target.register_granularity,
                                            target.max_registers_per_thread));
}
// Roles may have budgets of their own: whole warpgroups, whole eights (PTX ISA, setmaxnreg).
constexpr int kLeastBudget = 24, kMostBudget = 256;

// The known targets. Throws Error (input) with the list for an unknown name.
const std::vector<Target>& targets();
const Target& target_by_name(std::string_view name);
// The row for a compute capability: its own, else the nearest whose machine code it runs (the same major
// number, the largest minor number below). nullptr where there is none.
const Target* find_target(int major, int minor);
// The same; Error (input) names the architectures that are supported.
const Target& target_for_device(int major, int minor);
// "compute capability 8.7 has no row of its own: sm_86, the nearest that it runs"; empty where it has one.
std::string nearest_target_note(int major, int minor);

}  // namespace warpfinch
