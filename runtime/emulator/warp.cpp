// Warp-wide instructions: lanes gather, one does the work, all go on.
#include <fmt/format.h>

#include <bit>

#include "generator/text.hpp"
#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

std::string lanes_text(uint32_t mask) {
  if (mask == 0xffffffffu) return "all lanes";
  std::string text;
  for (int lane = 0; lane < 32; ++lane) {
    if (!(mask >> lane & 1)) continue;
    int last = lane;
    while (last < 31 && (mask >> (last + 1) & 1)) ++last;
    text +=
        (text.empty() ? "" : ", ") + (last == lane ? number_to_text(lane) : fmt::format("{}-{}", lane, last));
    lane = last;
  }
  return (std::popcount(mask) == 1 ? "lane " : "lanes ") + text;
}

[[noreturn]] void diverge(Thread& thread, std::string_view instruction) {
  const Warp& warp = *thread.warp;
  report(thread, "divergent warp-synchronous instruction",
         fmt::format("warp {} does not execute it together", warp.index),
         {fmt::format("this lane executes {}", instruction),
          fmt::format("{} wait in {} at {}", lanes_text(warp.gathered), warp.gathering,
                      line_text(*thread.world->run, warp.gathering_line))},
         warp.gathering_line);
  abandon(thread);
}

void check_present(Thread& thread, std::string_view instruction, uint32_t mask) {
  const Warp& warp = *thread.warp;
  if (!(mask >> thread.lane & 1)) {
    report(thread, "divergent warp-synchronous instruction",
           fmt::format("{} by a lane that its mask {:#x} leaves out", instruction, mask));
    abandon(thread);
  }
  uint32_t missing = warp.gone & mask;
  for (uint32_t lane = 0; lane < 32; ++lane)
    if (!warp.lanes[lane]) missing |= mask & 1u << lane;
  if (missing == 0) return;
  report(thread, "divergent warp-synchronous instruction",
         fmt::format("{} needs {}, which have left the kernel", instruction, lanes_text(missing)));
  abandon(thread);
}

uint32_t shuffled(const Warp& warp, WarpOp op, uint32_t lane, uint32_t by) {
  uint32_t from = lane;
  if (op == WarpOp::shuffle_xor) from = lane ^ by;
  if (op == WarpOp::shuffle_index) from = by % 32;
  if (op == WarpOp::shuffle_up) from = lane >= by ? lane - by : lane;
  if (op == WarpOp::shuffle_down) from = lane + by < 32 ? lane + by : lane;
  return warp.slots[from < 32 ? from : lane].value;
}

// __syncwarp orders memory among its lanes; shuffles and votes do not.
void join_lanes(Warp& warp) {
  Knowledge all;
  for (Thread* lane : warp.lanes)
    if (warp.expected >> lane->lane & 1) publish(*lane, all);
  for (Thread* lane : warp.lanes)
    if (warp.expected >> lane->lane & 1) lane->knows.join(all);
}

void exchange(Warp& warp, WarpOp op) {
  uint32_t votes = 0;
  for (uint32_t lane = 0; lane < 32; ++lane)
    if ((warp.expected >> lane & 1) && warp.slots[lane].value) votes |= 1u << lane;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    LaneSlot& slot = warp.slots[lane];
    switch (op) {
      case WarpOp::sync:
        break;
      case WarpOp::any:
        slot.result = votes != 0;
        break;
      case WarpOp::all:
        slot.result = votes == warp.expected;
        break;
      case WarpOp::ballot:
        slot.result = votes;
        break;
      case WarpOp::elect:
        slot.result = lane == static_cast<uint32_t>(std::countr_zero(warp.expected));
        break;
      default:
        slot.result = shuffled(warp, op, lane, slot.parameter);
    }
  }
  if (op == WarpOp::sync) join_lanes(warp);
}

constexpr std::string_view kNames[] = {"bar.warp.sync", "shfl.sync.bfly",   "shfl.sync.idx",
                                       "shfl.sync.up",  "shfl.sync.down",   "vote.sync.any",
                                       "vote.sync.all", "vote.sync.ballot", "elect.sync"};

}  // namespace

bool gather(Thread& thread, std::string_view instruction, bool aligned, const LaneSlot& slot, uint32_t mask) {
  Warp& warp = *thread.warp;
  check_present(thread, instruction, mask);
  if (warp.gathered == 0) {
    warp.gathering = instruction;
    warp.expected = mask;
    warp.gathering_line = thread.line;
  } else if (warp.gathering != instruction || warp.expected != mask ||
             (aligned && warp.gathering_line != thread.line)) {
    diverge(thread, instruction);
  }
  warp.slots[static_cast<size_t>(thread.lane)] = slot;
  warp.gathered |= 1u << thread.lane;
  if (warp.gathered == mask) {
    warp.gathered = 0;
    return true;
  }
  sleep(thread, Wait::warp);
  return false;
}

void disperse(Thread& thread) {
  Warp& warp = *thread.warp;
  for (Thread* lane : warp.lanes)
    if (lane && lane != &thread && (warp.expected >> lane->lane & 1)) wake(*lane);
}

unsigned warp_leaf(ThreadState& state, WarpOp op, unsigned value, unsigned parameter, unsigned mask) {
  Thread& thread = static_cast<Thread&>(state);
  if (gather(thread, kNames[static_cast<int>(op)], false, {value, parameter, nullptr, 0}, mask)) {
    exchange(*thread.warp, op);
    disperse(thread);
  }
  return thread.warp->slots[static_cast<size_t>(thread.lane)].result;
}

}  // namespace warpfinch::emulator
