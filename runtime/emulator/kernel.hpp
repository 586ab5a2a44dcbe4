// A kernel that was built and loaded: its entry, and how the emulator tells it which thread runs.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "generator/cuda_source.hpp"
#include "runtime/descriptor.hpp"
#include "runtime/emulator/device/leaves.hpp"
#include "runtime/emulator/emulator.hpp"

namespace warpfinch::emulator {

// One copy of the loaded object, for one host thread at a time: which thread runs is a plain variable of it.
class KernelCopy {
 public:
  KernelCopy(const std::string& entry, std::string_view object);
  ~KernelCopy();
  KernelCopy(const KernelCopy&) = delete;
  KernelCopy& operator=(const KernelCopy&) = delete;
  // Where the kernel looks for the thread that it is.
  ThreadState** self() const { return self_; }
  void call(void* const* arguments) const { call_(arguments); }

 private:
  Descriptor file_;  // stays open: the dynamic linker knows an object by its path, which has the number in it
  void* library_ = nullptr;
  ThreadState** self_ = nullptr;
  void (*call_)(void* const*) = nullptr;
};

class BuiltKernel {
 public:
  BuiltKernel(const CudaSource& source, std::string_view object);
  const CudaSource& source() const { return source_; }
  // A copy that nobody else uses until it is given back.
  std::unique_ptr<KernelCopy> take() const;
  void give_back(std::unique_ptr<KernelCopy> copy) const;

 private:
  CudaSource source_;
  std::string object_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<KernelCopy>> unused_;
};

// The text that the host compiler gets: stand-ins swapped in, lines marked, and the two functions that
// BuiltKernel looks up.
std::string host_text(const CudaSource& source);

// The leaves, as the emulator does them.
const Leaves& all_leaves();

}  // namespace warpfinch::emulator
