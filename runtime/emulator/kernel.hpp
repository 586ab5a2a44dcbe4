// A kernel that was built and loaded: its entry, and how the emulator tells it which thread runs.
#pragma once

#include <memory>
#include <string_view>

#include "generator/cuda_source.hpp"
#include "runtime/emulator/device/leaves.hpp"
#include "runtime/emulator/emulator.hpp"

namespace warpfinch::emulator {

class BuiltKernel {
 public:
  BuiltKernel(const CudaSource& source, std::string_view object);
  ~BuiltKernel();
  BuiltKernel(const BuiltKernel&) = delete;
  BuiltKernel& operator=(const BuiltKernel&) = delete;

  const CudaSource& source() const { return source_; }
  // Where the calling host thread's kernels look for the thread that they are.
  ThreadState** self() const { return self_(); }
  void call(void* const* arguments) const { call_(arguments); }

 private:
  CudaSource source_;
  void* library_ = nullptr;
  ThreadState** (*self_)() = nullptr;
  void (*call_)(void* const*) = nullptr;
};

// The text that the host compiler gets: stand-ins swapped in, lines marked, and the two functions that
// BuiltKernel looks up.
std::string host_text(const CudaSource& source);

// The leaves, as the emulator does them.
const Leaves& all_leaves();

}  // namespace warpfinch::emulator
