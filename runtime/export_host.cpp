// The device side of an exported file's host code, which is the same for every plan.
#include "runtime/export_text.hpp"

namespace warpfinch {

std::string_view export_host_text() {
  return R"cuda(// --- the device ------------------------------------------------------------------
namespace host {

void check(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  std::fprintf(stderr, "%s: %s\n", call, cudaGetErrorString(code));
  std::exit(1);
}

// What a kernel takes: a pointer, or a tensor map over what the pointer points to. Buffer -1 is the
// workspace, -2 the counter from which blocks claim tiles.
struct Argument {
  int buffer;
  int64_t offset;  // bytes
  bool is_map;
  Type type;
  std::vector<uint64_t> shape, byte_strides;  // innermost dimension first
  std::vector<uint32_t> box;
  int swizzle;
};

struct Launch {
  const char* name;
  const void* kernel;
  std::vector<Argument> arguments;
  int64_t tiles;
  bool persistent;
  int cluster, blocks_per_multiprocessor, threads, shared_bytes;
};

// The driver's function by way of the runtime, so that the file links without -lcuda.
using TensorMapEncoder = decltype(&cuTensorMapEncodeTiled);
TensorMapEncoder tensor_map_encoder() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found;
#if CUDART_VERSION >= 12050
  check(
      cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found),
      "cudaGetDriverEntryPointByVersion");
#else
  check(cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &function, cudaEnableDefault, &found),
        "cudaGetDriverEntryPoint");
#endif
  if (found != cudaDriverEntryPointSuccess || !function) {
    std::fprintf(stderr, "the driver has no cuTensorMapEncodeTiled: it is older than CUDA 12\n");
    std::exit(1);
  }
  return reinterpret_cast<TensorMapEncoder>(function);
}

CUtensorMap encode(const Argument& argument, void* address) {
  const CUtensorMapDataType type = argument.type == bf16   ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                   : argument.type == fp16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16
                                                           : CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
  const CUtensorMapSwizzle swizzle = argument.swizzle == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
                                     : argument.swizzle == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
                                     : argument.swizzle == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                                                              : CU_TENSOR_MAP_SWIZZLE_NONE;
  const std::vector<uint32_t> element_strides(argument.shape.size(), 1);
  CUtensorMap map;
  const CUresult code =
      tensor_map_encoder()(&map, type, uint32_t(argument.shape.size()), address, argument.shape.data(),
                           argument.byte_strides.data(), argument.box.data(), element_strides.data(),
                           CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                           CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (code == CUDA_SUCCESS) return map;
  std::fprintf(stderr, "cuTensorMapEncodeTiled: error %d\n", int(code));
  std::exit(1);
}

// A launch with its arguments in place: addresses of `values` are what cudaLaunchKernel takes.
struct Prepared {
  union Value {
    CUtensorMap map;
    void* pointer;
  };
  const Launch* launch;
  std::vector<Value> values;
  std::vector<void*> addresses;
  unsigned blocks;
};

Prepared prepare(const Launch& launch, const std::vector<char*>& pointers, char* workspace, char* counter,
                 int multiprocessors) {
  Prepared prepared{&launch, std::vector<Prepared::Value>(launch.arguments.size()), {}, 0};
  for (size_t i = 0; i < launch.arguments.size(); ++i) {
    const Argument& argument = launch.arguments[i];
    char* base = argument.buffer == -1   ? workspace
                 : argument.buffer == -2 ? counter
                                         : pointers[size_t(argument.buffer)];
    char* address = base + argument.offset;
    if (argument.is_map)
      prepared.values[i].map = encode(argument, address);
    else
      prepared.values[i].pointer = address;
    prepared.addresses.push_back(&prepared.values[i]);
  }
  const int64_t resident = int64_t(multiprocessors) * launch.blocks_per_multiprocessor / launch.cluster;
  prepared.blocks =
      unsigned((launch.persistent ? std::min(launch.tiles, resident) : launch.tiles) * launch.cluster);
  check(cudaFuncSetAttribute(launch.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, launch.shared_bytes),
        "cudaFuncSetAttribute");
  return prepared;
}

void start(std::vector<Prepared>& launches) {
  for (Prepared& prepared : launches)
    check(cudaLaunchKernel(prepared.launch->kernel, dim3(prepared.blocks),
                           dim3(unsigned(prepared.launch->threads)), prepared.addresses.data(),
                           size_t(prepared.launch->shared_bytes), nullptr),
          prepared.launch->name);
}

// Microseconds per launch of everything, over 20 of them.
double time_launches(std::vector<Prepared>& launches) {
  constexpr int kLaunches = 20;
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "cudaEventCreate");
  check(cudaEventCreate(&end), "cudaEventCreate");
  check(cudaEventRecord(begin), "cudaEventRecord");
  for (int i = 0; i < kLaunches; ++i) start(launches);
  check(cudaEventRecord(end), "cudaEventRecord");
  check(cudaEventSynchronize(end), "cudaEventSynchronize");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
  return double(milliseconds) * 1000 / kLaunches;
}

struct Work {
  std::vector<Buffer> buffers;
  std::vector<Launch> launches;
  int64_t workspace_bytes;
  double flops;
};

// Launches, brings the outputs home, says how long it took.
std::vector<Tensor> launch_and_time(const Work& work) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
  std::vector<Tensor> tensors;
  std::vector<char*> pointers;
  for (size_t i = 0; i < work.buffers.size(); ++i) {
    tensors.push_back(make_tensor(work.buffers[i], i));
    void* pointer = nullptr;
    check(cudaMalloc(&pointer, tensors[i].data.size()), "cudaMalloc");
    check(cudaMemcpy(pointer, tensors[i].data.data(), tensors[i].data.size(), cudaMemcpyHostToDevice),
          "cudaMemcpy");
    pointers.push_back(static_cast<char*>(pointer));
  }
  void* workspace = nullptr;
  if (work.workspace_bytes > 0) check(cudaMalloc(&workspace, size_t(work.workspace_bytes)), "cudaMalloc");
  void* counter = nullptr;  // each launch leaves it at zero
  check(cudaMalloc(&counter, sizeof(unsigned)), "cudaMalloc");
  check(cudaMemset(counter, 0, sizeof(unsigned)), "cudaMemset");
  std::vector<Prepared> launches;
  launches.reserve(work.launches.size());
  for (const Launch& launch : work.launches)
    launches.push_back(
        prepare(launch, pointers, static_cast<char*>(workspace), static_cast<char*>(counter),
                properties.multiProcessorCount));
  start(launches);
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].buffer.output)
      check(cudaMemcpy(tensors[i].data.data(), pointers[i], tensors[i].data.size(), cudaMemcpyDeviceToHost),
            "cudaMemcpy");
  const double us = time_launches(launches);
  std::printf("%s: %.2f us per launch over 20 launches, %.1f TFLOPS\n", properties.name, us,
              work.flops / us * 1e-6);
  return tensors;
}

}  // namespace host
)cuda";
}

}  // namespace warpfinch
