#include "runtime/nvrtc.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "runtime/keep_handlers.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// Paths in `folder` whose file name starts so, newest version first. A folder that is not there has none.
std::vector<fs::path> files_starting(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
  std::sort(found.rbegin(), found.rend());
  return found;
}

void add_files(std::vector<std::string>& candidates, const fs::path& folder) {
  for (const fs::path& file : files_starting(folder, "libnvrtc.so")) candidates.push_back(file.string());
}

// The folder of the file (library or program) that this code was linked into.
fs::path own_folder() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<void*>(&own_folder), &info) || !info.dli_fname) return {};
  std::error_code error;
  return fs::weakly_canonical(info.dli_fname, error).parent_path();
}

// The set-up may have put pip's wheels into a virtual environment of the build folder, from which we run as
// build/lib/libwarpfinch.so, build/bin/warpfinch or build/tests/…
void add_wheels(std::vector<std::string>& candidates) {
  fs::path folder = own_folder();
  for (int level = 0; level < 3 && folder.has_relative_path(); ++level, folder = folder.parent_path())
    for (const fs::path& python : files_starting(folder / "venv" / "lib", "python3"))
      for (const char* wheel : {"cu13", "cuda_nvrtc"})
        add_files(candidates, python / "site-packages" / "nvidia" / wheel / "lib");
}

// libnvrtc opens libnvrtc-builtins by its bare name and has no search path of its own. Opened beforehand
// from beside it, the name is known.
void open_builtins(const std::string& candidate) {
  const fs::path folder = fs::path(candidate).parent_path();
  if (folder.empty()) return;
  for (const fs::path& file : files_starting(folder, "libnvrtc-builtins.so"))
    if (dlopen(file.c_str(), RTLD_LAZY | RTLD_GLOBAL)) return;
}

template <class Function>
bool load(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

bool load_all(void* library, Nvrtc& nvrtc) {
  load(library, "nvrtcSetFlowCallback", nvrtc.set_flow_callback);
  return load(library, "nvrtcVersion", nvrtc.version) &&
         load(library, "nvrtcGetErrorString", nvrtc.get_error_string) &&
         load(library, "nvrtcCreateProgram", nvrtc.create_program) &&
         load(library, "nvrtcDestroyProgram", nvrtc.destroy_program) &&
         load(library, "nvrtcCompileProgram", nvrtc.compile_program) &&
         load(library, "nvrtcGetProgramLogSize", nvrtc.get_log_size) &&
         load(library, "nvrtcGetProgramLog", nvrtc.get_log) &&
         load(library, "nvrtcGetCUBINSize", nvrtc.get_cubin_size) &&
         load(library, "nvrtcGetCUBIN", nvrtc.get_cubin) &&
         load(library, "nvrtcGetPTXSize", nvrtc.get_ptx_size) && load(library, "nvrtcGetPTX", nvrtc.get_ptx);
}

}  // namespace

std::vector<std::string> nvrtc_candidates() {
  if (const std::string file = environment("WARPFINCH_NVRTC"); !file.empty()) return {file};
  std::vector<std::string> candidates{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};
  for (const std::string& toolkit :
       {environment("CUDA_PATH"), environment("CUDA_HOME"), std::string("/usr/local/cuda")})
    if (!toolkit.empty()) add_files(candidates, fs::path(toolkit) / "lib64");
  add_wheels(candidates);
  return candidates;
}

NvrtcLibrary open_nvrtc(const std::vector<std::string>& candidates) {
  NvrtcLibrary library;
  std::string reason = "no place to look in";
  for (const std::string& candidate : candidates) {
    void* handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    int major = 0, minor = 0;
    if (!handle) {
      reason = dlerror();
    } else if (!load_all(handle, library.nvrtc) || library.nvrtc.version(&major, &minor) != NVRTC_SUCCESS) {
      reason = candidate + ": not an NVRTC library";
    } else {
      keep_handlers(handle);
      open_builtins(candidate);
      library.version = fmt::format("{}.{}", major, minor);
      return library;
    }
  }
  library.why = fmt::format(
      "no NVRTC ({}): install the CUDA toolkit, run tools/setup, which fetches it, or set WARPFINCH_NVRTC "
      "to the file",
      reason);
  return library;
}

const NvrtcLibrary& installed_nvrtc() {
  static const NvrtcLibrary library = open_nvrtc(nvrtc_candidates());
  return library;
}

}  // namespace warpfinch
