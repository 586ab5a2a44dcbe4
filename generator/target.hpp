// What a GPU can do, as data. No pass compares an SM number; it asks the row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace warpfinch {

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
