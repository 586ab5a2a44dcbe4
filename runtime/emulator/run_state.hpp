// What all blocks of a launch share: the kernel, global memory with its shadow, and the hazards found so far.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>

#include "generator/plan.hpp"
#include "runtime/emulator/emulator.hpp"
#include "runtime/emulator/kernel.hpp"
#include "runtime/emulator/places.hpp"
#include "runtime/emulator/world.hpp"

namespace warpfinch::emulator {

// What stands in a kernel's TensorMap parameter, aligned as that one: the kernel's copy of it may use
// instructions that fault otherwise.
struct alignas(64) EncodedMap {
  uint64_t magic;
  const TensorMap* map;
  std::byte* base;
  uint64_t rest[13];
};
static_assert(sizeof(EncodedMap) == 128);
constexpr uint64_t kMapMagic = 0x77617270'66696e63;

struct GlobalRange {
  Allocation allocation;
  std::unique_ptr<Shadow> shadow;               // of what may be written
  std::map<int64_t, SharedElsewhere> released;  // by byte: what atomics there hand over
  std::mutex mutex;
};

class RunState {
 public:
  RunState(const BuiltKernel& kernel, const Launch& launch, int64_t grid,
           const std::vector<std::byte*>& addresses, const std::vector<Allocation>& memory,
           const Options& options);

  const BuiltKernel& kernel;
  const Launch& launch;
  const Options& options;
  const int64_t grid;
  const Places places;
  void* const* arguments() const { return argument_places_.data(); }
  // The allocation that holds all these bytes, or null.
  GlobalRange* find(const void* address, size_t bytes);
  std::vector<std::unique_ptr<GlobalRange>>& memory() { return memory_; }

  // The clock starts where a host thread has its stacks: waiting for them is not the kernel's fault.
  void begin();
  bool is_out_of_time() const;
  // Nothing more has to be run: enough hazards, no time left, or nobody wants it any more.
  bool is_over() const { return stopped || options.stop.stop_requested(); }

  // Later blocks would mostly say the same again.
  bool found_any() {
    const std::lock_guard lock(mutex);
    return !hazards.empty();
  }

  std::mutex mutex;  // of what follows
  std::vector<Hazard> hazards;
  std::atomic<bool> stopped = false;
  std::atomic<int64_t> copies = 0, products = 0;

 private:
  std::vector<std::unique_ptr<GlobalRange>> memory_;  // by address
  union Value {
    EncodedMap map;
    std::byte* pointer;
  };
  std::vector<Value> values_;
  std::vector<void*> argument_places_;
  std::once_flag begun_;
  std::chrono::steady_clock::time_point begin_;
};

// --- report.cpp ----------------------------------------------------------------------------------
// A hazard as it was found. `details`: what is said of it, below the head line.
struct Finding {
  std::string_view kind;
  std::string what;  // of the head line, behind the kind
  int block = 0, line = 0, other_line = 0;
  std::vector<std::string> details;
};
void report(RunState& run, const Finding& finding);
void report(Thread& thread, std::string_view kind, const std::string& what,
            std::vector<std::string> details = {}, int other_line = 0);

// "line 57 (IR line 88): wait(k_ring);"
std::string line_text(const RunState& run, int line);
// "thread 37 (warp 1, lane 5)"
std::string thread_text(const Thread& thread);
// What a side of a clash did.
std::string access_text(const RunState& run, const Access& access);
// The same of the earlier side, with how the later one stands to it.
std::string other_side_text(const RunState& run, const Access& before, Why why);
// What would have to stand between the two sides.
std::string missing_text(const Access& before, const Access& after, Why why, Shadow::Memory memory);

}  // namespace warpfinch::emulator
