// A CUDA driver that keeps books instead of running kernels: which context is current, what was launched with
// which arguments, how long the device would have been busy. Device code is not executed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/compiler.hpp"
#include "runtime/device.hpp"
#include "runtime/driver.hpp"
#include "runtime/loaded_plan.hpp"

namespace warpfinch {

struct FakeLaunch {
  std::string kernel;
  unsigned blocks, threads, shared_bytes;
  CUstream stream;
  void** parameters;
  CUcontext context;  // current at the launch
};

struct FakeMap {
  unsigned rank;
  uint64_t address;
  std::vector<uint64_t> shape, byte_strides;
  std::vector<unsigned> box;
  CUtensorMapDataType type;
  CUtensorMapSwizzle swizzle;
};

struct FakeDriver {
  int devices = 1;
  int compute_major = 9, compute_minor = 0, multiprocessors = 10;
  std::map<std::string, CUresult> failures;    // by the name of the call: what it returns
  std::map<std::string, double> milliseconds;  // by kernel: how long a launch takes; 0.1 when not listed

  std::vector<CUcontext> contexts;  // the caller's stack, current one last
  int retained = 0, libraries = 0, allocations = 0, open_handles = 0;
  size_t allocated_bytes = 0;
  std::vector<std::string> kernels;  // handle - 1 is the index
  std::map<std::string, int> shared_limit;
  std::vector<FakeLaunch> launches;
  std::vector<FakeMap> maps;
  std::vector<std::string> replays;  // the first kernel of every replayed graph
  int synchronisations = 0;

  double now = 0;  // device time
  bool capturing = false;
  std::vector<std::vector<std::string>> graphs;  // handle - 1 is the index
  std::vector<double> events;                    // handle - 1 is the index
};

// The one that the functions of fake_table() talk to; fresh after reset_fake().
FakeDriver& fake();
FakeDriver& reset_fake();
const Driver& fake_table();

std::shared_ptr<Device> fake_device();
CUcontext fake_context();  // of every fake device

// A plan of one kernel named `kernel` over buffers a (input, tensor map), b (output, pointer).
Plan small_plan(const std::string& kernel);
std::vector<CompiledKernel> small_kernels(const Plan& plan);

}  // namespace warpfinch
