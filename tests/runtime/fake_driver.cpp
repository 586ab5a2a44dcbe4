#include "tests/runtime/fake_driver.hpp"

#include <algorithm>

#include "runtime/driver_device.hpp"

namespace warpfinch {
namespace {

template <class Handle>
Handle handle(size_t number) {
  return reinterpret_cast<Handle>(number);
}
template <class Handle>
size_t number(Handle given) {
  return reinterpret_cast<size_t>(given);
}

CUresult result(const char* call) {
  const auto found = fake().failures.find(call);
  return found == fake().failures.end() ? CUDA_SUCCESS : found->second;
}

double duration(const std::string& kernel) {
  const auto found = fake().milliseconds.find(kernel);
  return found == fake().milliseconds.end() ? 0.1 : found->second;
}

void fill_device_calls(Driver& driver) {
  driver.init = [](unsigned) { return CUDA_SUCCESS; };
  driver.driver_get_version = [](int* version) { return *version = 13000, CUDA_SUCCESS; };
  driver.get_error_name = [](CUresult code, const char** name) {
    *name = code == CUDA_ERROR_OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_OTHER";
    return CUDA_SUCCESS;
  };
  driver.get_error_string = [](CUresult, const char** text) {
    return *text = "as the test asked", CUDA_SUCCESS;
  };
  driver.device_get_count = [](int* count) { return *count = fake().devices, CUDA_SUCCESS; };
  driver.device_get = [](CUdevice* device, int ordinal) { return *device = ordinal, CUDA_SUCCESS; };
  driver.device_get_name = [](char* name, int length, CUdevice) {
    std::string("Fake GPU").copy(name, static_cast<size_t>(length));
    return CUDA_SUCCESS;
  };
  driver.device_get_uuid = [](CUuuid* uuid, CUdevice device) {
    for (int i = 0; i < 16; ++i) uuid->bytes[i] = static_cast<char>(0xa0 + i + device);
    return CUDA_SUCCESS;
  };
  driver.device_total_mem = [](size_t* bytes, CUdevice) { return *bytes = size_t{1} << 30, CUDA_SUCCESS; };
  driver.device_get_attribute = [](int* value, CUdevice_attribute which, CUdevice) {
    *value = which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR   ? fake().compute_major
             : which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR ? fake().compute_minor
                                                                     : fake().multiprocessors;
    return CUDA_SUCCESS;
  };
}

void fill_context_calls(Driver& driver) {
  driver.device_primary_ctx_retain = [](CUcontext* context, CUdevice) {
    *context = fake_context();
    return ++fake().retained, result("cuDevicePrimaryCtxRetain");
  };
  driver.device_primary_ctx_release = [](CUdevice) { return --fake().retained, CUDA_SUCCESS; };
  driver.ctx_get_current = [](CUcontext* context) {
    *context = fake().contexts.empty() ? nullptr : fake().contexts.back();
    return CUDA_SUCCESS;
  };
  driver.ctx_push_current = [](CUcontext context) {
    return fake().contexts.push_back(context), CUDA_SUCCESS;
  };
  driver.ctx_pop_current = [](CUcontext* context) {
    *context = fake().contexts.back();
    return fake().contexts.pop_back(), CUDA_SUCCESS;
  };
  driver.ctx_synchronize = [] { return ++fake().synchronisations, result("cuCtxSynchronize"); };
}

void fill_kernel_calls(Driver& driver) {
  driver.library_load_data = [](CUlibrary* library, const void*, CUjit_option*, void**, unsigned,
                                CUlibraryOption*, void**, unsigned) {
    *library = handle<CUlibrary>(static_cast<size_t>(++fake().libraries));
    return result("cuLibraryLoadData");
  };
  driver.library_unload = [](CUlibrary) { return --fake().libraries, CUDA_SUCCESS; };
  driver.library_get_kernel = [](CUkernel* kernel, CUlibrary, const char* name) {
    fake().kernels.push_back(name);
    *kernel = handle<CUkernel>(fake().kernels.size());
    return result("cuLibraryGetKernel");
  };
  driver.kernel_get_function = [](CUfunction* function, CUkernel kernel) {
    *function = handle<CUfunction>(number(kernel));
    return fake().contexts.empty() ? CUDA_ERROR_INVALID_CONTEXT : CUDA_SUCCESS;
  };
  driver.kernel_set_attribute = [](CUfunction_attribute, int value, CUkernel kernel, CUdevice) {
    fake().shared_limit[fake().kernels.at(number(kernel) - 1)] = value;
    return CUDA_SUCCESS;
  };
  driver.launch_kernel_ex = [](const CUlaunchConfig* config, CUfunction function, void** parameters, void**) {
    const std::string& name = fake().kernels.at(number(function) - 1);
    if (fake().capturing)
      fake().graphs.back().push_back(name);
    else
      fake().now += duration(name);
    const CUcontext current = fake().contexts.empty() ? nullptr : fake().contexts.back();
    fake().launches.push_back({name, config->gridDimX, config->blockDimX, config->sharedMemBytes,
                               config->hStream, parameters, current});
    return result("cuLaunchKernelEx");
  };
  driver.tensor_map_encode_tiled =
      [](CUtensorMap* map, CUtensorMapDataType type, cuuint32_t rank, void* address, const cuuint64_t* shape,
         const cuuint64_t* strides, const cuuint32_t* box, const cuuint32_t*, CUtensorMapInterleave,
         CUtensorMapSwizzle swizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
        map->opaque[0] = number(address);
        fake().maps.push_back({rank,
                               number(address),
                               {shape, shape + rank},
                               {strides, strides + rank - 1},
                               {box, box + rank},
                               type,
                               swizzle});
        return result("cuTensorMapEncodeTiled");
      };
}

void fill_memory_calls(Driver& driver) {
  driver.mem_alloc = [](CUdeviceptr* pointer, size_t bytes) {
    *pointer = static_cast<CUdeviceptr>(++fake().allocations) << 20;
    fake().allocated_bytes += bytes;
    return result("cuMemAlloc");
  };
  driver.mem_free = [](CUdeviceptr) { return --fake().allocations, CUDA_SUCCESS; };
  driver.memset_d8 = [](CUdeviceptr, unsigned char, size_t) { return CUDA_SUCCESS; };
  driver.memcpy_htod = [](CUdeviceptr, const void*, size_t) { return CUDA_SUCCESS; };
  driver.memcpy_dtoh = [](void*, CUdeviceptr, size_t) { return CUDA_SUCCESS; };
}

void fill_stream_calls(Driver& driver) {
  driver.stream_create = [](CUstream* stream, unsigned) {
    *stream = handle<CUstream>(0x77);
    return ++fake().open_handles, CUDA_SUCCESS;
  };
  driver.stream_destroy = [](CUstream) { return --fake().open_handles, CUDA_SUCCESS; };
  driver.stream_synchronize = [](CUstream) { return ++fake().synchronisations, CUDA_SUCCESS; };
  driver.stream_begin_capture = [](CUstream, CUstreamCaptureMode) {
    fake().capturing = true;
    return fake().graphs.emplace_back(), CUDA_SUCCESS;
  };
  driver.stream_end_capture = [](CUstream, CUgraph* graph) {
    fake().capturing = false;
    *graph = handle<CUgraph>(fake().graphs.size());
    return ++fake().open_handles, CUDA_SUCCESS;
  };
  driver.graph_instantiate = [](CUgraphExec* executable, CUgraph graph, unsigned long long) {
    *executable = handle<CUgraphExec>(number(graph));
    return ++fake().open_handles, CUDA_SUCCESS;
  };
  driver.graph_launch = [](CUgraphExec graph, CUstream) {
    const auto& kernels = fake().graphs.at(number(graph) - 1);
    fake().replays.push_back(kernels.at(0));
    for (const std::string& kernel : kernels) fake().now += duration(kernel);
    return result("cuGraphLaunch");
  };
  driver.graph_exec_destroy = [](CUgraphExec) { return --fake().open_handles, CUDA_SUCCESS; };
  driver.graph_destroy = [](CUgraph) { return --fake().open_handles, CUDA_SUCCESS; };
}

void fill_event_calls(Driver& driver) {
  driver.event_create = [](CUevent* event, unsigned) {
    fake().events.push_back(0);
    *event = handle<CUevent>(fake().events.size());
    return ++fake().open_handles, CUDA_SUCCESS;
  };
  driver.event_destroy = [](CUevent) { return --fake().open_handles, CUDA_SUCCESS; };
  driver.event_record = [](CUevent event, CUstream) {
    fake().events.at(number(event) - 1) = fake().now;
    return CUDA_SUCCESS;
  };
  driver.event_synchronize = [](CUevent) { return result("cuEventSynchronize"); };
  driver.event_elapsed_time = [](float* milliseconds, CUevent start, CUevent stop) {
    const auto& times = fake().events;
    *milliseconds = static_cast<float>(times.at(number(stop) - 1) - times.at(number(start) - 1));
    return CUDA_SUCCESS;
  };
}

Driver make_table() {
  Driver driver;
  fill_device_calls(driver);
  fill_context_calls(driver);
  fill_kernel_calls(driver);
  fill_memory_calls(driver);
  fill_stream_calls(driver);
  fill_event_calls(driver);
  return driver;
}

}  // namespace

FakeDriver& fake() {
  static FakeDriver driver;
  return driver;
}

FakeDriver& reset_fake() { return fake() = FakeDriver{}; }

const Driver& fake_table() {
  static const Driver table = make_table();
  return table;
}

std::shared_ptr<Device> fake_device() { return open_device(fake_table(), "cuda:0"); }

CUcontext fake_context() { return handle<CUcontext>(0xc0); }

Plan small_plan(const std::string& kernel) {
  Plan plan;
  plan.problem = kernel;
  plan.target = target_by_name("sm_90a");
  plan.buffers = {
      {.name = "a", .type = DataType::bf16, .shape = {64, 128}, .strides = {128, 1}},
      {.name = "b", .type = DataType::fp32, .shape = {64}, .strides = {1}, .output = true, .alignment = 4}};
  Launch launch;
  launch.name = kernel;
  launch.source.entry = kernel;
  launch.source.target = "sm_90a";
  Argument map, pointer;
  map.kind = Argument::Kind::tensor_map;
  map.buffer = {.buffer = 0};
  map.map = {
      .type = DataType::bf16, .shape = {128, 64}, .byte_strides = {256}, .box = {64, 32}, .swizzle = 128};
  pointer.buffer = {.buffer = 1, .offset = 8};
  launch.arguments = {map, pointer};
  launch.tiles = 7;
  launch.threads = 384;
  launch.shared_bytes = 100000;
  plan.launches = {launch};
  return plan;
}

std::vector<CompiledKernel> small_kernels(const Plan& plan) {
  std::vector<CompiledKernel> kernels(plan.launches.size());
  for (CompiledKernel& kernel : kernels) kernel.cubin = "no machine code";
  return kernels;
}

}  // namespace warpfinch
