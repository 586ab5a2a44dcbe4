#include "runtime/emulator/fiber.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "generator/result.hpp"

namespace warpfinch::emulator {

Stacks::Stacks(size_t count) : count_(count) {
  void* memory = mmap(nullptr, count * kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED)
    fail_environment(fmt::format("mmap of {} bytes for the stacks of {} emulated threads: {}", count * kBytes,
                                 count, std::strerror(errno)));
  memory_ = static_cast<std::byte*>(memory);
  for (size_t i = 0; i < count; ++i) mprotect(memory_ + i * kBytes, 4096, PROT_NONE);
}

Stacks::~Stacks() { munmap(memory_, count_ * kBytes); }

}  // namespace warpfinch::emulator
