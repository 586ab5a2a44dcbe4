// The part of an exported file that is the same for every plan.
#include "runtime/export_text.hpp"

namespace warpfinch {

std::string_view export_host_text() {
  return R"cuda(// --- tensors on the host ------------------------------------------------------------------
namespace host {

enum Type { bf16, fp16, fp32 };

struct Buffer {
  const char* name;
  Type type;
  std::vector<int64_t> shape, strides;  // strides in elements
  bool output;
};

int element_bytes(Type type) { return type == fp32 ? 4 : 2; }

int64_t extent(const Buffer& buffer) {
  int64_t last = 0;
  for (size_t i = 0; i < buffer.shape.size(); ++i) last += (buffer.shape[i] - 1) * buffer.strides[i];
  return last + 1;
}

float float_of_bits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

float from_fp16(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000u) << 16, exponent = bits >> 10 & 31u, mantissa = bits & 1023u;
  if (exponent == 31) return float_of_bits(sign | 0x7f800000u | mantissa << 13);
  const float magnitude =
      exponent ? std::ldexp(float(mantissa + 1024), int(exponent) - 25) : std::ldexp(float(mantissa), -24);
  return sign ? -magnitude : magnitude;
}

// Round to nearest even; inputs here are far from the ends of the range.
uint16_t to_bits(Type type, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  if (type == bf16) return uint16_t((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
  const uint16_t sign = uint16_t(bits >> 16 & 0x8000u);
  const float magnitude = std::fabs(value);
  if (magnitude < 0x1p-14f) return uint16_t(sign | uint16_t(std::nearbyint(magnitude * 0x1p24f)));
  const uint32_t rounded = (bits & 0x7fffffffu) + 0xfffu + (bits >> 13 & 1u);
  return uint16_t(sign | (rounded - (112u << 23)) >> 13);
}

struct Tensor {
  Buffer buffer;
  std::vector<unsigned char> data;

  double at(int64_t offset) const {
    if (buffer.type == fp32) {
      float value;
      std::memcpy(&value, &data[size_t(offset) * 4], 4);
      return value;
    }
    uint16_t bits;
    std::memcpy(&bits, &data[size_t(offset) * 2], 2);
    return buffer.type == bf16 ? float_of_bits(uint32_t(bits) << 16) : from_fp16(bits);
  }
  void set(int64_t offset, float value) {
    if (buffer.type == fp32) {
      std::memcpy(&data[size_t(offset) * 4], &value, 4);
      return;
    }
    const uint16_t bits = to_bits(buffer.type, value);
    std::memcpy(&data[size_t(offset) * 2], &bits, 2);
  }
};

// Normally distributed numbers from a counter.
uint64_t mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ x >> 27) * 0x94d049bb133111ebull;
  return x ^ x >> 31;
}
float normal(uint64_t stream, uint64_t counter) {
  const uint64_t bits = mix(mix(stream + 1) + counter * 0x9e3779b97f4a7c15ull);
  const double u = (double(bits >> 40) + 1) * 0x1p-24, v = double(bits & 0xffffffull) * 0x1p-24;
  return float(std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v));
}

// Inputs random; outputs all bits set, which is NaN in every type, so that what a kernel leaves out is seen.
Tensor make_tensor(const Buffer& buffer, uint64_t stream) {
  Tensor tensor{buffer,
                std::vector<unsigned char>(size_t(extent(buffer)) * element_bytes(buffer.type), 0xff)};
  if (!buffer.output)
    for (int64_t i = 0; i < extent(buffer); ++i) tensor.set(i, normal(stream, uint64_t(i)));
  return tensor;
}

// Largest error as a ratio to its bound, over the elements that were compared.
struct Errors {
  double max_error = 0;
  int64_t compared = 0;
  void add(double output, double reference, double bound) {
    ++compared;
    if (output == reference) return;
    const double error = std::fabs(output - reference) / bound;
    max_error = std::isnan(error) || std::isnan(max_error) ? NAN : std::max(max_error, error);
  }
};

// Elements of outputs that are NaN: the kernel did not write them, or wrote nonsense.
int64_t count_unwritten(const Tensor& tensor) {
  int64_t count = 0;
  std::vector<int64_t> index(tensor.buffer.shape.size(), 0);
  for (;;) {
    int64_t offset = 0;
    for (size_t i = 0; i < index.size(); ++i) offset += index[i] * tensor.buffer.strides[i];
    count += std::isnan(tensor.at(offset));
    size_t axis = index.size();
    while (axis > 0 && ++index[axis - 1] == tensor.buffer.shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return count;
  }
}

// At most `wanted` of `count` rows, both ends among them.
std::vector<int64_t> choose_rows(int64_t count, int64_t wanted) {
  wanted = std::min(count, std::max<int64_t>(wanted, 8));
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < wanted; ++i) rows.push_back(wanted == 1 ? 0 : i * (count - 1) / (wanted - 1));
  return rows;
}

// A column's number brought into 0 .. columns.
int64_t inside(int64_t column, int64_t columns) { return std::min(columns, std::max<int64_t>(column, 0)); }

// Unit of the last place, and half the smallest subnormal.
double rounding(Type type) { return type == bf16 ? 0x1p-8 : type == fp16 ? 0x1p-11 : 0x1p-23; }
double underflow(Type type) { return type == bf16 ? 0x1p-134 : type == fp16 ? 0x1p-25 : 0x1p-150; }

// --- the device --------------------------------------------------------------------------------------
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
