#include "runtime/own_file.hpp"

#include <dlfcn.h>
#include <link.h>

namespace warpfinch {

std::filesystem::path file_of(const void* code) {
  Dl_info info{};
  void* map = nullptr;
  if (dladdr1(code, &info, &map, RTLD_DL_LINKMAP) == 0) return {};
  const char* name = static_cast<const link_map*>(map)->l_name;
  // The loader has no name for the program itself. (dladdr gives argv[0], which a program that was found in
  // PATH has without its folder.)
  if (!name || !*name) name = "/proc/self/exe";
  return name;
}

std::filesystem::path own_file() {
  std::error_code error;
  return std::filesystem::canonical(file_of(reinterpret_cast<const void*>(&own_file)), error);
}

}  // namespace warpfinch
