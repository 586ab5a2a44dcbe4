#include "generator/target.hpp"

#include <fmt/format.h>

#include "generator/result.hpp"

namespace warpfinch {

namespace {

// PTX ISA: wgmma.mma_async, mma.sync.m16n8k16. A tile of mma.sync's sums takes several instructions; it is as
// wide here as wgmma's, which is what registers hold.
constexpr MatrixUnit kWgmma = {.instruction = "wgmma",
                               .rows = 64,
                               .warps = 4,
                               .depth = 16,
                               .max_columns = 256,
                               .column_step = 8,
                               .asynchronous = true};
constexpr MatrixUnit kMmaSync = {.instruction = "mma.sync",
                                 .rows = 16,
                                 .warps = 1,
                                 .depth = 16,
                                 .max_columns = 256,
                                 .column_step = 8,
                                 .asynchronous = false};

}  // namespace

const std::vector<Target>& targets() {
  // Limits: CUDA C++ Programming Guide, table "Technical Specifications per Compute Capability" (9.0).
  // Rates: measured on an H200 (tools/bench/NOTES.md, "What the chip does").
  static const std::vector<Target> rows = {{
      .name = "sm_90a",
      .template_folder = "sm90",
      .compute_major = 9,
      .compute_minor = 0,
      .multiprocessors = 132,
      .shared_bytes_per_block = 232448,
      .shared_bytes_per_multiprocessor = 233472,
      .l2_bytes = int64_t{50} << 20,
      .registers_per_multiprocessor = 65536,
      .register_granularity = 8,
      .max_registers_per_thread = 255,
      .max_threads_per_block = 1024,
      .mma = kWgmma,
      .tma = true,
      .register_reallocation = true,
      .max_cluster = 8,
      .named_barriers = 16,
      .mma_flops_per_clock = 4096,
      .exponentials_per_clock = 16,
      .clock_ghz = 1.75,
      .memory_bytes_per_second = 4.2e12,
  }};
  return rows;
}

const Target& target_by_name(std::string_view name) {
  std::string known;
  for (const Target& target : targets()) {
    if (target.name == name) return target;
    known += (known.empty() ? "" : ", ") + target.name;
  }
  fail_input(fmt::format("unknown target {}; known: {}", quote(name), known));
}

const Target& target_for_device(int major, int minor) {
  std::string known;
  for (const Target& target : targets()) {
    if (target.compute_major == major && target.compute_minor == minor) return target;
    known += fmt::format("{}{}.{}", known.empty() ? "" : ", ", target.compute_major, target.compute_minor);
  }
  fail_input(fmt::format("the GPU has compute capability {}.{}; supported: {}", major, minor, known));
}

}  // namespace warpfinch
