// What a GPU can do, as data. No pass compares an SM number; it asks the row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warpfinch {

// The matrix unit, for 16-bit factors and fp32 sums. A register tile of `rows` rows is held by `warps` warps,
// which issue the instruction together; each holds rows / warps of its rows.
struct MatrixUnit {
  int rows, warps;
  int depth;          // k that one instruction sums over
  int max_columns;    // of one instruction's sum; a wider tile takes several
  int column_step;    // of which columns are a multiple
  bool asynchronous;  // products are committed and waited for, and read shared memory by the async proxy
  bool reads_shared;  // factors may lie in shared memory; where they may not, the primitive loads them
  bool operator==(const MatrixUnit&) const = default;
};

struct Target {
  std::string name;             // the -arch= of NVRTC, e.g. "sm_90a"
  std::string template_folder;  // templates/<folder>/ptx.cuh
  int compute_major;            // of the devices it runs on
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
  bool tma;                    // tensor maps, bulk copies, and mbarriers that count their bytes
  bool register_reallocation;  // setmaxnreg, by whole warpgroups
  bool stmatrix;
  int max_cluster;                 // blocks; 1: there are no clusters
  int named_barriers;              // of a block, number 0 among them, which block_sync takes
  int mma_flops_per_clock;         // dense 16-bit, per multiprocessor
  int exponentials_per_clock;      // ex2, per multiprocessor
  double clock_ghz;                // sustained, for the static model
  double memory_bytes_per_second;  // for the static model
  bool operator==(const Target&) const = default;
};

// The known targets. Throws Error (input) with the list for an unknown name.
const std::vector<Target>& targets();
const Target& target_by_name(std::string_view name);
// The row for a compute capability; Error (input) names the architectures that are supported.
const Target& target_for_device(int major, int minor);

}  // namespace warpfinch
