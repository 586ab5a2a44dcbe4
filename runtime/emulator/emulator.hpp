// Runs emitted kernels on the CPU, and proves their synchronisation: the same CudaSource that NVRTC gets is
// built by the host compiler against stand-ins of the PTX leaf functions; every CUDA thread is a fiber, and
// every leaf does what the PTX ISA says. What the model covers: README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "generator/plan.hpp"
#include "runtime/kernel_cache.hpp"

namespace warpfinch::emulator {

struct Options {
  uint64_t schedule_seed = 0;  // order of threads, warps and completions; results must not depend on it
  int threads = 1;             // host threads, over independent blocks
  bool counters = true;        // false: as where the device has none left for tile_order=dynamic
  int max_hazards = 8;         // the run ends once that many different ones were seen
  double most_seconds = 0;     // of a launch; one that goes on is a hazard. 0: no limit
  std::stop_token stop = {};   // ends a launch, and a build, with an Error (environment)
};

// Something that the hardware does not forgive, with the two sides of it.
struct Hazard {
  std::string kind;     // "data race", "deadlock", …: one of the headings of README.md
  std::string text;     // the whole report, several lines, without a newline at its end
  int ir_line = 0;      // of the printed program, 0 where the line stands for no op
  int source_line = 0;  // of CudaSource::kernel, 1-based
  int other_line = 0;   // source line of the other side, where there is one
};

struct Report {
  std::vector<Hazard> hazards;
  int64_t blocks = 0, threads = 0;   // that ran
  int64_t copies = 0, products = 0;  // TMA copies and wgmma instructions (per warpgroup)
  double seconds = 0;                // of the run, without building
  bool clean() const { return hazards.empty(); }
};

// Bytes of the shared object, from the cache or the host compiler (CXX, else c++). Error (environment) where
// there is none or where it refuses the text, with its first error line, and after a stop.
std::string build_object(const CudaSource& source, KernelCache& cache, const std::stop_token& stop = {});

// A kernel that can run. Several threads may run it at once.
class BuiltKernel;
std::shared_ptr<const BuiltKernel> load(const CudaSource& source, std::string_view object);

// Global memory that kernels may touch. Whatever lies outside of all of them is out of bounds.
struct Allocation {
  std::byte* data = nullptr;
  size_t bytes = 0;
  std::string name;      // the buffer's, for reports
  bool writable = true;  // a store into another one is a hazard
};

// Runs `grid` blocks. `addresses`: for each of launch.arguments the pointer, or the base of its tensor map.
// Error (input) where the arguments do not fit the launch; hazards come in the report.
Report run(const BuiltKernel& kernel, const Launch& launch, int64_t grid,
           const std::vector<std::byte*>& addresses, const std::vector<Allocation>& memory,
           const Options& options);

// All launches of a plan, one after the other: `buffers` in the plan's order, and plan.workspace_bytes of
// workspace (may be null where that is 0). The grid of a persistent kernel is for that many multiprocessors.
// Stops behind the first launch with a hazard, which is also a counter of tiles that it does not leave at
// zero.
Report run(const std::vector<std::shared_ptr<const BuiltKernel>>& kernels, const Plan& plan,
           const std::vector<std::byte*>& buffers, std::byte* workspace, int multiprocessors,
           const Options& options);

}  // namespace warpfinch::emulator
