#include "runtime/nvrtc.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "runtime/keep_handlers.hpp"
#include "runtime/own_file.hpp"

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
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return strverscmp(a.c_str(), b.c_str()) > 0; });
  return found;
}

void add_files(std::vector<std::string>& candidates, const fs::path& folder) {
  for (const fs::path& file : files_starting(folder, "libnvrtc.so")) candidates.push_back(file.string());
}

// The set-up may have put pip's wheels into a virtual environment of the build folder, from which we run as
// build/lib/libwarpfinch.so, build/bin/warpfinch or build/tests/…
void add_wheels(std::vector<std::string>& candidates) {
  fs::path folder = own_file().parent_path();
  for (int level = 0; level < 3 && folder.has_relative_path(); ++level, folder = folder.parent_path())
    for (const fs::path& python : files_starting(folder / "venv" / "lib", "python3"))
      for (const char* wheel : {"cu13", "cuda_nvrtc"})
        add_files(candidates, python / "site-packages" / "nvidia" / wheel / "lib");
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

// libnvrtc opens libnvrtc-builtins by its bare name and has no search path of its own. Once it is open, the
// name is known. It lies beside libnvrtc, and where that lies, only the loader can say: the candidate may be
// a bare name, too, and the file a symbolic link into the folder that has both.
bool open_builtins(const NvrtcLibrary& library) {
  const fs::path file = file_of(reinterpret_cast<const void*>(library.nvrtc.version));
  const std::string name = "libnvrtc-builtins.so." + library.version;
  std::error_code error;
  for (const fs::path& folder : {file.parent_path(), fs::canonical(file, error).parent_path(), fs::path()})
    if (dlopen((folder / name).c_str(), RTLD_LAZY | RTLD_GLOBAL)) return true;
  return false;
}

// Empty where what was opened can compile, else what it lacks.
std::string take_library(void* handle, NvrtcLibrary& library) {
  int major = 0, minor = 0;
  if (!load_all(handle, library.nvrtc) || library.nvrtc.version(&major, &minor) != NVRTC_SUCCESS)
    return "not an NVRTC library";
  keep_handlers(handle);
  library.version = fmt::format("{}.{}", major, minor);
  if (open_builtins(library)) return {};
  return fmt::format("its libnvrtc-builtins.so.{} is neither beside it nor where the dynamic linker looks",
                     library.version);
}

}  // namespace

std::vector<std::string> nvrtc_candidates() {
  if (const std::string file = environment("WARPFINCH_NVRTC"); !file.empty()) return {file};
  std::vector<std::string> candidates{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};
  for (const std::string& toolkit :
       {environment("CUDA_PATH"), environment("CUDA_HOME"), std::string("/usr/local/cuda")})
    if (!toolkit.empty()) add_files(candidates, fs::path(toolkit) / "lib64");
  add_wheels(candidates);
  std::istringstream folders(environment("WARPFINCH_NVRTC_PATH"));
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty()) add_files(candidates, folder);
  return candidates;
}

NvrtcLibrary open_nvrtc(const std::vector<std::string>& candidates) {
  std::string absent = "no place to look in", broken;  // one that is there says more than all that are not
  for (const std::string& candidate : candidates) {
    NvrtcLibrary library;
    void* handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      absent = dlerror();
    } else if (const std::string fault = take_library(handle, library); fault.empty()) {
      return library;
    } else {
      broken = fmt::format("{}: {}", candidate, fault);
    }
  }
  NvrtcLibrary none;
  none.why = fmt::format(
      "no NVRTC ({}): install the CUDA toolkit, run tools/setup, which fetches it, or set WARPFINCH_NVRTC "
      "to the file",
      broken.empty() ? absent : broken);
  return none;
}

const NvrtcLibrary& installed_nvrtc() {
  static const NvrtcLibrary library = open_nvrtc(nvrtc_candidates());
  return library;
}

}  // namespace warpfinch
