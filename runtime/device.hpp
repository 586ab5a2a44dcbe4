// What kernels run on: GPUs as the driver shows them, or the emulator, which needs none. libcuda is opened at
// run time: everything here works, and says what is missing, on a machine without it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "generator/plan.hpp"
#include "generator/result.hpp"
#include "generator/target.hpp"

namespace warpfinch {

class KernelCache;
class LoadedPlan;
struct CompiledKernel;

// A CUdeviceptr; of the emulator an address in this process, so that any memory of the caller will do.
using DevicePointer = uint64_t;

struct DeviceInfo {
  // "cuda:0", "cuda:0,target=sm_90", "emulator:sm_90a", "emulator:sm_90a,seed=7,limit=60"
  std::string id;
  int ordinal = 0;
  std::string name;  // "NVIDIA H200", "emulator:sm_90a"
  std::string uuid;
  int compute_major = 0, compute_minor = 0;
  std::string target;  // the row that kernels are made for; empty where none describes the GPU
  int multiprocessors = 0;
  int64_t memory_bytes = 0;
  std::string driver;  // "13.0 (580.159.04)" or the version that the driver API tells
};

// The GPUs; empty without a driver or a GPU, with the reason in *why when given. The emulator is none of
// them: it runs where it is named, never because nothing else is there.
std::vector<DeviceInfo> list_devices(std::string* why = nullptr);

// The GPU of that name ("cuda:0", "cuda:0,target=sm_90") without opening it: no context is made. Error as of
// Device::open.
DeviceInfo device_info(std::string_view id);

// The row of a device's target, with its multiprocessors. Error (input) where there is none.
Target target_of(const DeviceInfo& info);

// One open device; of a GPU it holds the primary context. Thread-safe.
class Device : public std::enable_shared_from_this<Device> {
 public:
  // "cuda:0"; behind it ",target=sm_90" may name another row than the GPU's best, whose machine code it runs.
  // Error (environment) when there is no driver or no such device; Error (input) for text that is
  // no device and for an architecture that no target describes. "emulator:sm_90a" is there on every machine.
  static std::shared_ptr<Device> open(std::string_view id);
  virtual ~Device() = default;
  virtual const DeviceInfo& info() const = 0;
  virtual const Target& target() const = 0;  // the row of the table with this device's multiprocessors

  // What DeviceMemory, compile() and LoadedPlan::load() stand on. Copies and fills wait for what was launched
  // before, and until they are done.
  virtual DevicePointer allocate(size_t bytes) const = 0;
  virtual void free(DevicePointer pointer) const = 0;
  virtual void fill(DevicePointer to, unsigned char value, size_t bytes) const = 0;
  virtual void upload(DevicePointer to, const void* from, size_t bytes) const = 0;
  virtual void download(void* to, DevicePointer from, size_t bytes) const = 0;
  virtual void synchronize() const = 0;
  virtual Expected<CompiledKernel> compile(const CudaSource& source, KernelCache& cache) const = 0;
  virtual std::shared_ptr<const LoadedPlan> load(Plan plan, const std::vector<CompiledKernel>& kernels) = 0;
};

}  // namespace warpfinch
