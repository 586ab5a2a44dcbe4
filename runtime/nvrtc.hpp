// NVRTC as a table of function pointers, opened at run time. Internal to runtime/.
#pragma once

#include <nvrtc.h>

#include <filesystem>
#include <string>
#include <vector>

namespace warpfinch {

struct Nvrtc {
  decltype(&::nvrtcVersion) version = nullptr;
  decltype(&::nvrtcGetErrorString) get_error_string = nullptr;
  decltype(&::nvrtcCreateProgram) create_program = nullptr;
  decltype(&::nvrtcDestroyProgram) destroy_program = nullptr;
  decltype(&::nvrtcCompileProgram) compile_program = nullptr;
  decltype(&::nvrtcGetProgramLogSize) get_log_size = nullptr;
  decltype(&::nvrtcGetProgramLog) get_log = nullptr;
  decltype(&::nvrtcGetCUBINSize) get_cubin_size = nullptr;
  decltype(&::nvrtcGetCUBIN) get_cubin = nullptr;
  decltype(&::nvrtcGetPTXSize) get_ptx_size = nullptr;
  decltype(&::nvrtcGetPTX) get_ptx = nullptr;
  // Null in an older NVRTC. The callback's answer 1 ends the compilation that is going on.
  nvrtcResult (*set_flow_callback)(nvrtcProgram, int (*)(void*, void*), void*) = nullptr;
};

// What opening gave. `why` is empty when it worked; else one line: what is missing and what to do.
struct NvrtcLibrary {
  Nvrtc nvrtc;
  std::string version;  // "13.0"
  std::string why;
  bool present() const { return why.empty(); }
};

// Where it is looked for, in order. WARPFINCH_NVRTC, when set, is the only place: a wrong path there should
// be seen, not papered over. WARPFINCH_NVRTC_PATH has folders that come last.
std::vector<std::string> nvrtc_candidates();
NvrtcLibrary open_nvrtc(const std::vector<std::string>& candidates);
// The machine's, opened once.
const NvrtcLibrary& installed_nvrtc();

}  // namespace warpfinch
