// Loads a built object from memory.
#include "runtime/emulator/kernel.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "generator/result.hpp"

namespace warpfinch::emulator {
namespace {

// The dynamic linker wants a file; this one has no name on disk.
void* load_object(const std::string& entry, std::string_view object) {
  const int file = memfd_create(entry.c_str(), MFD_CLOEXEC);
  if (file < 0) fail_environment(fmt::format("memfd_create for {}: {}", entry, std::strerror(errno)));
  size_t written = 0;
  while (written < object.size()) {
    const ssize_t count = write(file, object.data() + written, object.size() - written);
    if (count <= 0) break;
    written += static_cast<size_t>(count);
  }
  void* library = written < object.size()
                      ? nullptr
                      : dlopen(fmt::format("/proc/self/fd/{}", file).c_str(), RTLD_NOW | RTLD_LOCAL);
  const char* why = written < object.size() ? std::strerror(errno) : library ? nullptr : dlerror();
  close(file);
  if (!library) fail_environment(fmt::format("cannot load the emulated kernel {}: {}", entry, why));
  return library;
}

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) fail_environment(fmt::format("the emulated kernel has no {}: {}", name, dlerror()));
}

}  // namespace

BuiltKernel::BuiltKernel(const CudaSource& source, std::string_view object) : source_(source) {
  library_ = load_object(source.entry, object);
  void (*set_leaves)(const Leaves*) = nullptr;
  find(library_, "warpfinch_self", self_);
  find(library_, "warpfinch_call", call_);
  find(library_, "warpfinch_leaves", set_leaves);
  set_leaves(&all_leaves());
}

BuiltKernel::~BuiltKernel() { dlclose(library_); }

std::shared_ptr<const BuiltKernel> load(const CudaSource& source, std::string_view object) {
  return std::make_shared<const BuiltKernel>(source, object);
}

}  // namespace warpfinch::emulator
