#include "runtime/loaded_plan.hpp"

#include <fmt/format.h>

#include "generator/text.hpp"
#include "runtime/driver_device.hpp"
#include "runtime/prepared_arguments.hpp"

namespace warpfinch {
namespace {

// As cuMemAlloc gives it; the parts of a plan's workspace are laid out from there.
constexpr DevicePointer kWorkspaceAlignment = 256;

[[noreturn]] void refuse_pointer(const Buffer& buffer, DevicePointer pointer) {
  if (pointer == 0) fail_input(fmt::format("buffer '{}': the pointer is null", buffer.name));
  const int element = size_of(buffer.type);
  const bool for_copies = buffer.alignment > element && pointer % static_cast<DevicePointer>(element) == 0;
  fail_input(fmt::format("buffer '{}': the pointer {:#x} is not a multiple of {} bytes{}", buffer.name,
                         pointer, buffer.alignment,
                         for_copies
                             ? fmt::format(", as TMA and cp.async want it; a config with copy=ld takes "
                                           "every multiple of {}",
                                           element)
                             : ""));
}

struct UnloadLibrary {
  const Driver* driver;
  void operator()(CUlib_st* library) const { driver->library_unload(library); }
};

// A kernel of the plan on its device.
struct LoadedKernel {
  std::unique_ptr<CUlib_st, UnloadLibrary> library;
  CUfunction function = nullptr;
  CUlaunchConfig config{};  // all but the stream
};

CUlaunchConfig launch_config(const Launch& launch, int multiprocessors) {
  CUlaunchConfig config{};
  config.gridDimX = static_cast<unsigned>(grid_size(launch, multiprocessors));
  config.gridDimY = config.gridDimZ = 1;
  config.blockDimX = static_cast<unsigned>(launch.threads);
  config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = static_cast<unsigned>(launch.shared_bytes);
  return config;
}

// Machine code loads in every driver of its own major version and of later ones, so says NVIDIA's "CUDA
// Compatibility". Empty where the versions are no reason to refuse it.
std::string version_hint(const Driver& driver, const std::string& nvrtc) {
  int version = 0;
  if (driver.driver_get_version(&version) != CUDA_SUCCESS) return "";
  const int major = number_from_text<int>(nvrtc.substr(0, nvrtc.find('.'))).value_or(0);
  if (major <= version / 1000) return "";
  return fmt::format(
      "; NVRTC {} compiled it and the driver is of CUDA {}.{}: update the driver, or use an NVRTC of CUDA {} "
      "(WARPFINCH_NVRTC names the library)",
      nvrtc, version / 1000, version % 1000 / 10, version / 1000);
}

// With the device's context current: a function belongs to one.
LoadedKernel load_kernel(const DriverDevice& device, const Launch& launch, const CompiledKernel& compiled) {
  const Driver& driver = device.driver();
  const std::string what = fmt::format("kernel {} on {}", launch.source.entry, device.info().id);
  CUlibrary library = nullptr;
  const CUresult code =
      driver.library_load_data(&library, compiled.cubin.data(), nullptr, nullptr, 0, nullptr, nullptr, 0);
  if (code != CUDA_SUCCESS)
    fail_environment(fmt::format("cuLibraryLoadData of {}: {}{}", what, error_text(driver, code),
                                 version_hint(driver, compiled.nvrtc)));
  LoadedKernel kernel{.library = {library, UnloadLibrary{&driver}}};
  CUkernel handle = nullptr;
  check(driver, driver.library_get_kernel(&handle, library, launch.source.entry.c_str()),
        "cuLibraryGetKernel", what);
  check(driver,
        driver.kernel_set_attribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, launch.shared_bytes,
                                    handle, device.handle()),
        "cuKernelSetAttribute", fmt::format("{} to {} bytes of shared memory", what, launch.shared_bytes));
  check(driver, driver.kernel_get_function(&kernel.function, handle), "cuKernelGetFunction", what);
  // Else the driver may load at the first launch, which is not allowed inside a stream capture.
  if (driver.func_load) check(driver, driver.func_load(kernel.function), "cuFuncLoad", what);
  kernel.config = launch_config(launch, device.target().multiprocessors);
  return kernel;
}

class DriverPlan final : public LoadedPlan {
 public:
  DriverPlan(std::shared_ptr<const DriverDevice> device, Plan plan,
             const std::vector<CompiledKernel>& kernels);
  const Plan& plan() const override { return plan_; }
  void launch(const std::vector<DevicePointer>& pointers, DevicePointer workspace,
              void* stream) const override;

 private:
  std::shared_ptr<const DriverDevice> device_;
  Plan plan_;
  std::vector<LoadedKernel> kernels_;
  mutable ArgumentCache arguments_;
  mutable TileCounters counters_;
};

DriverPlan::DriverPlan(std::shared_ptr<const DriverDevice> device, Plan plan,
                       const std::vector<CompiledKernel>& kernels)
    : device_(std::move(device)), plan_(std::move(plan)), counters_(device_, plan_) {
  assert(kernels.size() == plan_.launches.size());
  const CurrentContext current(*device_);
  for (size_t i = 0; i < kernels.size(); ++i)
    kernels_.push_back(load_kernel(*device_, plan_.launches[i], kernels[i]));
}

void DriverPlan::launch(const std::vector<DevicePointer>& pointers, DevicePointer workspace,
                        void* stream) const {
  check_pointers(plan_, pointers, workspace);
  // A workspace that is not used must not make one set of pointers into many.
  if (plan_.workspace_bytes == 0) workspace = 0;
  const Driver& driver = device_->driver();
  const CurrentContext current(*device_);
  const auto arguments = arguments_.find_or_prepare(driver, plan_, pointers, workspace, counters_);
  for (size_t i = 0; i < kernels_.size(); ++i) {
    CUlaunchConfig config = kernels_[i].config;
    config.hStream = static_cast<CUstream>(stream);
    const CUresult code =
        driver.launch_kernel_ex(&config, kernels_[i].function, arguments->parameters(i), nullptr);
    if (code != CUDA_SUCCESS)
      check(driver, code, "cuLaunchKernelEx",
            fmt::format("{} ({} blocks of {} threads, {} bytes of shared memory)", plan_.launches[i].name,
                        config.gridDimX, config.blockDimX, config.sharedMemBytes));
  }
}

}  // namespace

void check_pointer_count(const Plan& plan, size_t count) {
  if (count == plan.buffers.size()) return;
  std::string names;
  for (const Buffer& buffer : plan.buffers) names += (names.empty() ? "" : ", ") + buffer.name;
  fail_input(fmt::format("{} pointers given, the plan takes {}: {}", count, plan.buffers.size(), names));
}

void check_pointers(const Plan& plan, const std::vector<DevicePointer>& pointers, DevicePointer workspace) {
  check_pointer_count(plan, pointers.size());
  for (size_t i = 0; i < pointers.size(); ++i) {
    const Buffer& buffer = plan.buffers[i];
    if (pointers[i] == 0 || pointers[i] % static_cast<DevicePointer>(buffer.alignment) != 0)
      refuse_pointer(buffer, pointers[i]);
  }
  if (plan.workspace_bytes == 0) return;
  if (workspace == 0)
    fail_input(fmt::format("no workspace given, the plan needs {} bytes", plan.workspace_bytes));
  if (workspace % kWorkspaceAlignment != 0)
    fail_input(fmt::format("the workspace {:#x} is not a multiple of {} bytes, as cudaMalloc's pointers are",
                           workspace, kWorkspaceAlignment));
}

std::shared_ptr<const LoadedPlan> LoadedPlan::load(std::shared_ptr<Device> device, Plan plan,
                                                   const std::vector<CompiledKernel>& kernels) {
  if (plan.target.name != device->target().name)
    fail_input(fmt::format("the plan is for {}, {} ({}) is {}", plan.target.name, device->info().id,
                           device->info().name, device->target().name));
  return device->load(std::move(plan), kernels);
}

std::shared_ptr<const LoadedPlan> DriverDevice::load(Plan plan, const std::vector<CompiledKernel>& kernels) {
  auto self = std::static_pointer_cast<const DriverDevice>(shared_from_this());
  return std::make_shared<const DriverPlan>(std::move(self), std::move(plan), kernels);
}

}  // namespace warpfinch
