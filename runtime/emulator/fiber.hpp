// Fibers: a stack and a place in it, for each CUDA thread. Switching is a function call; a fiber that is not
// gone on with is simply left, since kernels own nothing that would have to be released.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>

namespace warpfinch::emulator {

// Stacks for that many fibers, with a guard page below each; pages are taken when touched. The fibers of a
// process share kMost: who would be more waits until others are done.
class Stacks {
 public:
  static constexpr size_t kBytes = size_t{256} << 10;
  // A guard page splits a mapping in two, and Linux lets a process have 65530 (vm.max_map_count).
  static constexpr size_t kMost = 16384;
  explicit Stacks(size_t count);
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;
  void* top(size_t i) const { return memory_ + (i + 1) * kBytes; }
  size_t count() const { return count_; }

 private:
  std::byte* memory_;
  size_t count_;
};

using FiberPlace = boost::context::detail::fcontext_t;
using FiberArrival = boost::context::detail::transfer_t;

inline FiberPlace new_fiber(const Stacks& stacks, size_t i, void (*body)(FiberArrival)) {
  return boost::context::detail::make_fcontext(stacks.top(i), Stacks::kBytes - 4096, body);
}

}  // namespace warpfinch::emulator
