// NVRTC: CudaSource → cubin, with ptxas' report read. And what every compiler of kernels gives back.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "generator/cuda_source.hpp"
#include "generator/plan.hpp"
#include "generator/result.hpp"
#include "runtime/device.hpp"
#include "runtime/kernel_cache.hpp"

namespace warpfinch {

// What `ptxas -v` and the compiler's log say of a kernel.
struct Resources {
  int registers = 0;     // launch allotment per thread
  int spill_stores = 0;  // bytes
  int spill_loads = 0;   // bytes
  int stack_bytes = 0;
  int barriers = 0;
  int static_shared_bytes = 0;
  std::vector<std::string> warnings;  // C75xx advisories: wgmma serialised, setmaxnreg ignored …
  bool operator==(const Resources&) const = default;
};
Resources parse_compile_log(const std::string& log);

struct CompiledKernel {
  std::string cubin;  // for the emulator: an object of the host's compiler
  std::string log;
  Resources resources;
  std::string nvrtc;  // "13.0", also when it came from the cache; empty for the emulator
  bool from_cache = false;
  double seconds = 0;  // spent in NVRTC; 0 from the cache
};

// "13.0"; empty with the reason in *why where NVRTC is missing.
std::string nvrtc_version(std::string* why = nullptr);

// Compiles, or takes the cubin from the cache (which needs no NVRTC when a cubin of any NVRTC version that
// was recorded for this source is there). Source that does not compile is a Rejection (stage "compile") with
// the first error line; Error (environment) when NVRTC is missing and the cache does not have it, and after a
// stop.
Expected<CompiledKernel> compile(const CudaSource& source, KernelCache& cache,
                                 const std::stop_token& stop = {});
// The PTX text, uncached.
Expected<std::string> compile_to_ptx(const CudaSource& source);
// All kernels of a plan, in parallel over at most `threads`.
Expected<std::vector<CompiledKernel>> compile(const Plan& plan, KernelCache& cache, int threads = 2,
                                              const std::stop_token& stop = {});
// The same with the device's own compiler.
Expected<std::vector<CompiledKernel>> compile(const Plan& plan, const Device& device, KernelCache& cache,
                                              int threads = 2);

// Spills and C75xx mean a slow kernel: a Rejection (stage "resources") naming bytes or code.
std::optional<Rejection> check_resources(const CompiledKernel& kernel);

}  // namespace warpfinch
