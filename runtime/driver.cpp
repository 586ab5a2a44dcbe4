#include "runtime/driver.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <tuple>

#include "generator/result.hpp"

namespace warpfinch {
namespace {

using GetProcAddress = CUresult(CUDAAPI*)(const char*, void**, int, cuuint64_t,
                                          CUdriverProcAddressQueryResult*);

// The interfaces are those of CUDA 12.0: the first with cuLibrary and tensor maps. Asking for a version, not
// for the newest, keeps the signatures fixed whatever driver and cuda.h meet here.
constexpr int kDriverInterface = 12000;

template <class Function>
struct Entry {
  const char* name;  // without the version suffix, which cuGetProcAddress adds
  Function Driver::*member;
  int version = kDriverInterface;
  bool required = true;
};
template <class Function>
Entry(const char*, Function Driver::*, int = 0, bool = true) -> Entry<Function>;

constexpr std::tuple kEntries{
    Entry{"cuInit", &Driver::init},
    Entry{"cuDriverGetVersion", &Driver::driver_get_version},
    Entry{"cuGetErrorName", &Driver::get_error_name},
    Entry{"cuGetErrorString", &Driver::get_error_string},
    Entry{"cuDeviceGetCount", &Driver::device_get_count},
    Entry{"cuDeviceGet", &Driver::device_get},
    Entry{"cuDeviceGetName", &Driver::device_get_name},
    Entry{"cuDeviceGetUuid", &Driver::device_get_uuid},
    Entry{"cuDeviceTotalMem", &Driver::device_total_mem},
    Entry{"cuDeviceGetAttribute", &Driver::device_get_attribute},
    Entry{"cuDevicePrimaryCtxRetain", &Driver::device_primary_ctx_retain},
    Entry{"cuDevicePrimaryCtxRelease", &Driver::device_primary_ctx_release},
    Entry{"cuCtxGetCurrent", &Driver::ctx_get_current},
    Entry{"cuCtxPushCurrent", &Driver::ctx_push_current},
    Entry{"cuCtxPopCurrent", &Driver::ctx_pop_current},
    Entry{"cuCtxSynchronize", &Driver::ctx_synchronize},
    Entry{"cuLibraryLoadData", &Driver::library_load_data},
    Entry{"cuLibraryUnload", &Driver::library_unload},
    Entry{"cuLibraryGetKernel", &Driver::library_get_kernel},
    Entry{"cuKernelGetFunction", &Driver::kernel_get_function},
    Entry{"cuKernelSetAttribute", &Driver::kernel_set_attribute},
    Entry{"cuFuncLoad", &Driver::func_load, 12040, false},
    Entry{"cuLaunchKernelEx", &Driver::launch_kernel_ex},
    Entry{"cuTensorMapEncodeTiled", &Driver::tensor_map_encode_tiled},
    Entry{"cuMemAlloc", &Driver::mem_alloc},
    Entry{"cuMemFree", &Driver::mem_free},
    Entry{"cuMemsetD8", &Driver::memset_d8},
    Entry{"cuMemcpyHtoD", &Driver::memcpy_htod},
    Entry{"cuMemcpyDtoH", &Driver::memcpy_dtoh},
    Entry{"cuStreamCreate", &Driver::stream_create},
    Entry{"cuStreamDestroy", &Driver::stream_destroy},
    Entry{"cuStreamSynchronize", &Driver::stream_synchronize},
    Entry{"cuStreamBeginCapture", &Driver::stream_begin_capture},
    Entry{"cuStreamEndCapture", &Driver::stream_end_capture},
    Entry{"cuGraphInstantiateWithFlags", &Driver::graph_instantiate},
    Entry{"cuGraphLaunch", &Driver::graph_launch},
    Entry{"cuGraphExecDestroy", &Driver::graph_exec_destroy},
    Entry{"cuGraphDestroy", &Driver::graph_destroy},
    Entry{"cuEventCreate", &Driver::event_create},
    Entry{"cuEventDestroy", &Driver::event_destroy},
    Entry{"cuEventRecord", &Driver::event_record},
    Entry{"cuEventSynchronize", &Driver::event_synchronize},
    Entry{"cuEventElapsedTime", &Driver::event_elapsed_time},
};

struct Loaded {
  Driver driver;
  std::string why;  // not empty: nothing usable
};

template <class Function>
void load_entry(Loaded& loaded, GetProcAddress get, const Entry<Function>& entry) {
  void* address = nullptr;
  const CUresult code = get(entry.name, &address, entry.version, CU_GET_PROC_ADDRESS_LEGACY_STREAM, nullptr);
  if (code == CUDA_SUCCESS && address)
    loaded.driver.*entry.member = reinterpret_cast<Function>(address);
  else if (entry.required && loaded.why.empty())
    loaded.why = fmt::format("the NVIDIA driver has no {}: install one of CUDA 12.0 or later", entry.name);
}

Loaded load_driver() {
  Loaded loaded;
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    loaded.why = fmt::format("no NVIDIA driver ({}): install one to run kernels on a GPU", dlerror());
    return loaded;
  }
  const auto get = reinterpret_cast<GetProcAddress>(dlsym(library, "cuGetProcAddress_v2"));
  if (!get) {
    loaded.why = "the NVIDIA driver is older than CUDA 12.0: install a newer one";
    return loaded;
  }
  std::apply([&](const auto&... entry) { (load_entry(loaded, get, entry), ...); }, kEntries);
  if (!loaded.why.empty()) return loaded;
  if (const CUresult code = loaded.driver.init(0); code != CUDA_SUCCESS)
    loaded.why = fmt::format("no usable GPU: cuInit says {}", error_text(loaded.driver, code));
  return loaded;
}

}  // namespace

const Driver* installed_driver(std::string* why) {
  static const Loaded loaded = load_driver();
  if (loaded.why.empty()) return &loaded.driver;
  if (why) *why = loaded.why;
  return nullptr;
}

std::string error_text(const Driver& driver, CUresult code) {
  const char* name = nullptr;
  const char* meaning = nullptr;
  if (driver.get_error_name(code, &name) != CUDA_SUCCESS || !name)
    return fmt::format("error {}", static_cast<int>(code));
  driver.get_error_string(code, &meaning);
  return meaning ? fmt::format("{} ({})", name, meaning) : std::string(name);
}

void check(const Driver& driver, CUresult code, const char* call) {
  if (code != CUDA_SUCCESS) fail_environment(fmt::format("{}: {}", call, error_text(driver, code)));
}

void check(const Driver& driver, CUresult code, const char* call, const std::string& context) {
  if (code != CUDA_SUCCESS)
    fail_environment(fmt::format("{} of {}: {}", call, context, error_text(driver, code)));
}

}  // namespace warpfinch
