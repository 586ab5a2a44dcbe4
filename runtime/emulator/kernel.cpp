// Loads a built object from memory.
#include "runtime/emulator/kernel.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "generator/result.hpp"
#include "runtime/whole_file.hpp"

namespace warpfinch::emulator {
namespace {

// The dynamic linker wants a file; this one has no name on disk.
Descriptor file_in_memory(const std::string& entry, std::string_view object) {
  Descriptor file(memfd_create(entry.c_str(), MFD_CLOEXEC));
  if (file.number() < 0)
    fail_environment(fmt::format("memfd_create for {}: {}", entry, std::strerror(errno)));
  if (!write_whole(file, object))
    fail_environment(fmt::format("writing {} to memory: {}", entry, std::strerror(errno)));
  return file;
}

template <class Function>
Function find(void* library, const char* name) {
  void* found = dlsym(library, name);
  if (!found) fail_environment(fmt::format("the emulated kernel has no {}: {}", name, dlerror()));
  return reinterpret_cast<Function>(found);
}

}  // namespace

KernelCopy::KernelCopy(const std::string& entry, std::string_view object)
    : file_(file_in_memory(entry, object)) {
  library_ = dlopen(fmt::format("/proc/self/fd/{}", file_.number()).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library_) fail_environment(fmt::format("cannot load the emulated kernel {}: {}", entry, dlerror()));
  self_ = find<ThreadState** (*)()>(library_, "warpfinch_self")();
  call_ = find<void (*)(void* const*)>(library_, "warpfinch_call");
  find<void (*)(const Leaves*)>(library_, "warpfinch_leaves")(&all_leaves());
}

KernelCopy::~KernelCopy() { dlclose(library_); }

BuiltKernel::BuiltKernel(const CudaSource& source, std::string_view object)
    : source_(source), object_(object) {
  unused_.push_back(std::make_unique<KernelCopy>(source.entry, object));
}

std::unique_ptr<KernelCopy> BuiltKernel::take() const {
  const std::lock_guard lock(mutex_);
  if (unused_.empty()) return std::make_unique<KernelCopy>(source_.entry, object_);
  std::unique_ptr<KernelCopy> copy = std::move(unused_.back());
  unused_.pop_back();
  return copy;
}

void BuiltKernel::give_back(std::unique_ptr<KernelCopy> copy) const {
  const std::lock_guard lock(mutex_);
  unused_.push_back(std::move(copy));
}

std::shared_ptr<const BuiltKernel> load(const CudaSource& source, std::string_view object) {
  return std::make_shared<const BuiltKernel>(source, object);
}

}  // namespace warpfinch::emulator
