// A plan: what has to be launched to solve a problem, as plain data. Strides and shapes are in it; a launch
// takes pointers and a stream only. The runtime encodes the tensor maps for the driver (or the emulator).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "generator/cuda_source.hpp"
#include "generator/data_type.hpp"
#include "generator/target.hpp"

namespace warpfinch {

// A tensor that the caller provides, in the order in which he passes the pointers.
struct Buffer {
  std::string name;
  DataType type;
  std::vector<int64_t> shape;    // outermost first
  std::vector<int64_t> strides;  // in elements, same order
  bool output = false;
  int alignment = 16;  // bytes that the pointer must be a multiple of
  bool operator==(const Buffer&) const = default;
};

// Elements from the first to one past the last that the buffer spans.
int64_t extent(const Buffer& buffer);

// Where a kernel argument points: a caller's buffer, or the plan's workspace.
struct BufferRef {
  int buffer = 0;      // index into Plan::buffers; -1: the workspace
  int64_t offset = 0;  // bytes into it
  bool operator==(const BufferRef&) const = default;
};

// What cuTensorMapEncodeTiled takes, innermost dimension first.
struct TensorMap {
  DataType type;
  std::vector<int64_t> shape;         // elements, 1..5 of them
  std::vector<int64_t> byte_strides;  // one fewer; each a multiple of 16
  std::vector<int> box;               // elements, each 1..256
  int swizzle = 0;                    // bytes: 0, 32, 64 or 128
  bool operator==(const TensorMap&) const = default;
};

struct Argument {
  // counter: where the launch's blocks claim tiles; the device's own, see LoadedPlan::launch.
  enum class Kind { pointer, tensor_map, counter } kind = Kind::pointer;
  BufferRef buffer;   // not of a counter
  TensorMap map;      // kind tensor_map only
  int alignment = 1;  // bytes that the kernel takes the address to be a multiple of, beyond an element's
  bool operator==(const Argument&) const = default;
};

struct Launch {
  std::string name;  // "gemm", "softmax", "attention_forward"
  CudaSource source;
  std::string program;              // the scheduled IR, printed
  std::vector<Argument> arguments;  // in the kernel's order
  int64_t tiles = 1;                // tiles of the grid, or lists of them (tile_order=balanced)
  bool persistent = false;  // blocks walk over tiles; grid = min(tiles, SMs * blocks_per_multiprocessor)
  int cluster = 1;          // blocks that share a tile; the kernel asks for them itself (__cluster_dims__)
  int blocks_per_multiprocessor = 1;
  int threads = 128;
  int shared_bytes = 0;      // dynamic
  int launch_registers = 0;  // what __launch_bounds__ allots per thread
  bool operator==(const Launch&) const = default;
};

// Blocks to launch on a device with that many multiprocessors: whole clusters.
int64_t grid_size(const Launch& launch, int multiprocessors);

struct Plan {
  std::string problem;  // canonical text; of a user's program: its kernel's name
  std::string config;   // canonical text
  Target target;
  std::vector<Buffer> buffers;
  std::vector<Launch> launches;
  int64_t workspace_bytes = 0;  // 256-byte aligned by the caller
  double flops = 0;             // of the problem, for TFLOPS (masked-out work not counted)
  bool operator==(const Plan&) const = default;
};

}  // namespace warpfinch
