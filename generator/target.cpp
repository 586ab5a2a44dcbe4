#include "generator/target.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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
  // Limits: CUDA C++ Programming Guide, table "Technical Specifications per Compute Capability". Parts: A100,
  // RTX 3090, L40S, H200, B200, RTX 5090, GB10. Rates of sm_90a: measured on an H200 (tools/bench/NOTES.md,
  // "What the chip does"); of the others: NVIDIA's architecture whitepapers, for the static model alone.
  constexpr int64_t kMiB = int64_t{1} << 20;
  static const Target sm_90a = {
      .name = "sm_90a",
      .compute_major = 9,
      .compute_minor = 0,
      .multiprocessors = 132,
      .shared_bytes_per_block = 232448,
      .shared_bytes_per_multiprocessor = 233472,
      .l2_bytes = 50 * kMiB,
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
  };
  // What every chip has without the instructions of one architecture alone (the `a` of its name).
  const auto without_a = [](Target row, std::string name) {
    row.name = std::move(name);
    row.mma = kMmaSync;
    row.register_reallocation = false;
    // Multicast is an instruction of sm_90a and its like; ptxas 13.0 advises against it elsewhere.
    row.max_cluster = 1;
    return row;
  };
  // A chip's own facts: compute capability, multiprocessors, shared memory of a block (of its multiprocessor
  // one KB more, which is the system's), and for the static model the tensor cores' rate, clock, memory and
  // L2.
  struct Chip {
    std::string name;
    int major, minor, multiprocessors, shared_kb, mma_flops_per_clock;
    double clock_ghz, memory_bytes_per_second;
    int64_t l2_mib;
  };
  const auto row_of = [&](const Chip& chip) {
    Target row = without_a(sm_90a, chip.name);
    row.compute_major = chip.major;
    row.compute_minor = chip.minor;
    row.multiprocessors = chip.multiprocessors;
    row.shared_bytes_per_block = chip.shared_kb * 1024;
    row.shared_bytes_per_multiprocessor = (chip.shared_kb + 1) * 1024;
    row.tma = chip.major >= 9;
    row.mma_flops_per_clock = chip.mma_flops_per_clock;
    row.clock_ghz = chip.clock_ghz;
    row.memory_bytes_per_second = chip.memory_bytes_per_second;
    row.l2_bytes = chip.l2_mib * kMiB;
    return row;
  };
  static const std::vector<Target> rows = {
      sm_90a,
      row_of({"sm_80", 8, 0, 108, 163, 2048, 1.41, 1.55e12, 40}),
      row_of({"sm_86", 8, 6, 82, 99, 512, 1.70, 0.94e12, 6}),
      row_of({"sm_89", 8, 9, 142, 99, 1024, 2.52, 0.86e12, 96}),
      row_of({"sm_90", 9, 0, 132, 227, 2048, 1.75, 4.2e12, 50}),
      row_of({"sm_100", 10, 0, 148, 227, 4096, 1.85, 8.0e12, 126}),
      row_of({"sm_120", 12, 0, 170, 99, 1024, 2.41, 1.79e12, 96}),
      row_of({"sm_121", 12, 1, 48, 99, 1024, 2.42, 0.27e12, 24}),
  };
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

const Target* find_target(int major, int minor) {
  const Target* nearest = nullptr;
  for (const Target& target : targets())
    if (target.compute_major == major && target.compute_minor <= minor &&
        (!nearest || target.compute_minor > nearest->compute_minor))
      nearest = &target;
  return nearest;
}

const Target& target_for_device(int major, int minor) {
  if (const Target* target = find_target(major, minor)) return *target;
  std::vector<std::string> known;
  for (const Target& target : targets()) {
    std::string capability = fmt::format("{}.{}", target.compute_major, target.compute_minor);
    if (std::find(known.begin(), known.end(), capability) == known.end())
      known.push_back(std::move(capability));
  }
  fail_input(fmt::format("the GPU has compute capability {}.{}; supported: {}", major, minor,
                         fmt::join(known, ", ")));
}

std::string nearest_target_note(int major, int minor) {
  const Target* target = find_target(major, minor);
  if (!target || target->compute_minor == minor) return {};
  return fmt::format("compute capability {}.{} has no row of its own: {}, the nearest that it runs", major,
                     minor, target->name);
}

}  // namespace warpfinch
