#include "runtime/compiler.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>

#include "runtime/compile_record.hpp"
#include "runtime/compile_with.hpp"
#include "runtime/log.hpp"
#include "runtime/parallel.hpp"

namespace warpfinch {
namespace {

// --fmad=false: a product and a sum are one instruction only where the kernel says so, in the emulator as on
// a GPU. No --use_fast_math: the primitives ask for approximate instructions by name where they want them.
std::vector<std::string> options_for(const std::string& architecture) {
  std::vector<std::string> options{"--gpu-architecture=" + architecture, "-std=c++20", "-default-device",
                                   "--fmad=false", "--ptxas-options=-v"};
  // Source lines for a profiler; changes the cubin, hence part of the key like every option.
  if (const char* wanted = std::getenv("WARPFINCH_LINEINFO"); wanted && *wanted && *wanted != '0')
    options.push_back("-lineinfo");
  return options;
}

std::string hash_text(const std::string& text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

// One run of NVRTC. The log is kept whatever becomes of it.
class Program {
 public:
  Program(const NvrtcLibrary& library, const CudaSource& source)
      : nvrtc_(library.nvrtc), version_(library.version), target_(source.target) {
    std::vector<const char*> texts, names;
    for (const Header& header : source.headers) {
      texts.push_back(header.text.c_str());
      names.push_back(header.name.c_str());
    }
    check(nvrtc_.create_program(&program_, source.kernel.c_str(), (source.entry + ".cu").c_str(),
                                static_cast<int>(texts.size()), texts.data(), names.data()),
          "nvrtcCreateProgram");
  }
  ~Program() { nvrtc_.destroy_program(&program_); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // False: the source does not compile, and the log says why.
  bool compile(const std::vector<std::string>& options, const std::stop_token& stop) {
    if (stop.stop_possible() && nvrtc_.set_flow_callback)
      check(nvrtc_.set_flow_callback(program_, is_stopped, const_cast<std::stop_token*>(&stop)),
            "nvrtcSetFlowCallback");
    std::vector<const char*> words;
    for (const std::string& option : options) words.push_back(option.c_str());
    const nvrtcResult code = nvrtc_.compile_program(program_, static_cast<int>(words.size()), words.data());
    if (code != NVRTC_SUCCESS && stop.stop_requested()) fail_environment("a compilation was stopped");
    if (code == NVRTC_ERROR_BUILTIN_OPERATION_FAILURE)
      fail_environment("NVRTC does not find libnvrtc-builtins: it has to lie beside libnvrtc");
    if (code == NVRTC_ERROR_INVALID_OPTION && log().find("gpu-architecture") != std::string::npos)
      fail_environment(fmt::format("NVRTC {} does not know {}: install a newer NVRTC", version_, target_));
    if (code != NVRTC_ERROR_COMPILATION) check(code, "nvrtcCompileProgram");
    return code == NVRTC_SUCCESS;
  }
  std::string log() const { return text(nvrtc_.get_log_size, nvrtc_.get_log, "nvrtcGetProgramLog"); }
  std::string cubin() const { return bytes(nvrtc_.get_cubin_size, nvrtc_.get_cubin, "nvrtcGetCUBIN"); }
  std::string ptx() const { return text(nvrtc_.get_ptx_size, nvrtc_.get_ptx, "nvrtcGetPTX"); }

 private:
  template <class Size, class Get>
  std::string bytes(Size size_of, Get get, const char* call) const {
    size_t size = 0;
    check(size_of(program_, &size), call);
    std::string content(size, '\0');
    check(get(program_, content.data()), call);
    return content;
  }
  template <class Size, class Get>
  std::string text(Size size_of, Get get, const char* call) const {
    std::string content = bytes(size_of, get, call);
    while (content.ends_with('\0')) content.pop_back();
    return content;
  }
  static int is_stopped(void* stop, void*) { return static_cast<std::stop_token*>(stop)->stop_requested(); }
  void check(nvrtcResult code, const char* call) const {
    if (code != NVRTC_SUCCESS) fail_environment(fmt::format("{}: {}", call, nvrtc_.get_error_string(code)));
  }

  const Nvrtc& nvrtc_;
  std::string version_, target_;
  nvrtcProgram program_ = nullptr;
};

// The first error line, with the line of the IR where it lies in the kernel.
Rejection compile_rejection(const CudaSource& source, const std::string& log) {
  std::istringstream lines(log);
  std::string line;
  while (std::getline(lines, line))
    if (line.find("error") != std::string::npos || line.find("fatal") != std::string::npos) break;
  if (line.empty()) line = "NVRTC fails without a word";
  const std::string place = source.entry + ".cu(";
  if (line.starts_with(place)) {
    size_t number = 0;
    std::from_chars(line.data() + place.size(), line.data() + line.size(), number);
    if (number >= 1 && number <= source.ir_lines.size() && source.ir_lines[number - 1] > 0)
      line += fmt::format(" (IR line {})", source.ir_lines[number - 1]);
  }
  return {"compile", line};
}

Expected<CompiledKernel> compile_now(const CudaSource& source, const NvrtcLibrary& library,
                                     const std::stop_token& stop) {
  const auto start = std::chrono::steady_clock::now();
  Program program(library, source);
  const bool compiled = program.compile(options_for(source.target), stop);
  CompiledKernel kernel;
  kernel.log = program.log();
  if (!compiled) return compile_rejection(source, kernel.log);
  kernel.cubin = program.cubin();
  kernel.resources = parse_compile_log(kernel.log);
  kernel.nvrtc = library.version;
  kernel.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  logger()->debug("compiled {} in {:.3f} s: {} registers", source.entry, kernel.seconds,
                  kernel.resources.registers);
  return kernel;
}

}  // namespace

CacheKeys cache_keys(const CudaSource& source, const std::string& nvrtc) {
  std::string text = digest(source) + "\n" + source.target;
  for (const std::string& option : options_for(source.target)) text += "\n" + option;
  return {.kernel = hash_text(text + "\nnvrtc " + nvrtc), .newest = hash_text(text) + "-newest"};
}

std::optional<CompiledKernel> cached_kernel(const CudaSource& source, const KernelCache& cache,
                                            const std::string& nvrtc) {
  std::optional<std::string> key = cache_keys(source, nvrtc).kernel;
  // Without an NVRTC any cubin of this source will do: the index names the newest.
  if (nvrtc.empty()) key = cache.get(cache_keys(source, nvrtc).newest);
  const std::optional<std::string> record = key ? cache.get(*key) : std::nullopt;
  return record ? kernel_from_record(*record) : std::nullopt;
}

Expected<CompiledKernel> compile_with(const NvrtcLibrary& library, const CudaSource& source,
                                      KernelCache& cache, const std::stop_token& stop) {
  if (auto kernel = cached_kernel(source, cache, library.version)) return *std::move(kernel);
  if (!library.present()) fail_environment(fmt::format("cannot compile {}: {}", source.entry, library.why));
  Expected<CompiledKernel> kernel = compile_now(source, library, stop);
  if (!kernel) return kernel;
  const CacheKeys keys = cache_keys(source, library.version);
  cache.put(keys.kernel, record_of(*kernel));
  cache.put(keys.newest, keys.kernel);
  return kernel;
}

Expected<CompiledKernel> compile(const CudaSource& source, KernelCache& cache, const std::stop_token& stop) {
  return compile_with(installed_nvrtc(), source, cache, stop);
}

Expected<std::string> compile_to_ptx(const CudaSource& source) {
  const NvrtcLibrary& library = installed_nvrtc();
  if (!library.present()) fail_environment(fmt::format("cannot compile {}: {}", source.entry, library.why));
  Program program(library, source);
  // A virtual architecture ("compute_90a") ends before ptxas.
  std::string architecture = source.target;
  if (architecture.starts_with("sm_")) architecture.replace(0, 3, "compute_");
  if (!program.compile(options_for(architecture), {})) return compile_rejection(source, program.log());
  return program.ptx();
}

namespace {

using CompileOne = std::function<Expected<CompiledKernel>(const CudaSource&)>;

Expected<std::vector<CompiledKernel>> compile_all(const Plan& plan, int threads, const CompileOne& compile) {
  // The two gemms of an attention may be one kernel: it is compiled once.
  std::map<std::string, size_t> place_of;
  std::vector<const CudaSource*> distinct;
  std::vector<size_t> places;
  for (const Launch& launch : plan.launches) {
    const auto [entry, fresh] = place_of.emplace(digest(launch.source), distinct.size());
    if (fresh) distinct.push_back(&launch.source);
    places.push_back(entry->second);
  }
  std::vector<std::optional<Expected<CompiledKernel>>> compiled(distinct.size());
  parallel_for(static_cast<int64_t>(distinct.size()), threads, [&](int64_t i) {
    const auto place = static_cast<size_t>(i);
    compiled[place] = compile(*distinct[place]);
  });
  std::vector<CompiledKernel> kernels;
  for (size_t place : places) {
    if (!*compiled[place]) return compiled[place]->rejection();
    kernels.push_back(**compiled[place]);
  }
  return kernels;
}

}  // namespace

Expected<std::vector<CompiledKernel>> compile(const Plan& plan, KernelCache& cache, int threads,
                                              const std::stop_token& stop) {
  return compile_all(plan, threads, [&](const CudaSource& source) { return compile(source, cache, stop); });
}

Expected<std::vector<CompiledKernel>> compile(const Plan& plan, const Device& device, KernelCache& cache,
                                              int threads) {
  return compile_all(plan, threads, [&](const CudaSource& source) { return device.compile(source, cache); });
}

std::string nvrtc_version(std::string* why) {
  const NvrtcLibrary& library = installed_nvrtc();
  if (why) *why = library.why;
  return library.version;
}

}  // namespace warpfinch
