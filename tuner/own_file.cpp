#include "tuner/own_file.hpp"

#include <dlfcn.h>

namespace warpfinch {

std::filesystem::path own_file() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&own_file), &info) == 0 || !info.dli_fname) return {};
  std::error_code code;
  return std::filesystem::canonical(info.dli_fname, code);
}

}  // namespace warpfinch
