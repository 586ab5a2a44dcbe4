// What compile() does once NVRTC was looked for, with the outcome passed in. Internal to runtime/; tests use
// it to act as a machine without NVRTC.
#pragma once

#include "runtime/compiler.hpp"
#include "runtime/nvrtc.hpp"

namespace warpfinch {

struct CacheKeys {
  std::string kernel;  // source without comments, target, options, NVRTC version
  std::string newest;  // the same without the version; its content is the `kernel` key written last
};
CacheKeys cache_keys(const CudaSource& source, const std::string& nvrtc);

// nvrtc: the version that must have compiled it; empty: any.
std::optional<CompiledKernel> cached_kernel(const CudaSource& source, const KernelCache& cache,
                                            const std::string& nvrtc);

Expected<CompiledKernel> compile_with(const NvrtcLibrary& library, const CudaSource& source,
                                      KernelCache& cache, const std::stop_token& stop = {});

}  // namespace warpfinch
