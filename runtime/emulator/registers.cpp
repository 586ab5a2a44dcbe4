// Registers: cells that are touched too early, and setmaxnreg.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

bool check_count(Thread& thread, int per_thread, bool grow) {
  const Warp& warp = *thread.warp;
  std::string fault;
  if (per_thread < 24 || per_thread > 256 || per_thread % 8 != 0)
    fault = fmt::format("{} is not one of 24, 32, …, 256", per_thread);
  else if (grow && per_thread < warp.registers)
    fault = fmt::format("setmaxnreg.inc to {}, the warp has {}", per_thread, warp.registers);
  else if (!grow && per_thread > warp.registers)
    fault = fmt::format("setmaxnreg.dec to {}, the warp has {}", per_thread, warp.registers);
  if (fault.empty()) return true;
  report(thread, "wrong register reallocation", fault);
  return false;
}

bool take(Warp& warp, int per_thread) {
  const int need = 32 * (per_thread - warp.registers);
  if (need > warp.cta->free_registers) return false;
  warp.cta->free_registers -= need;
  warp.registers = per_thread;
  return true;
}

// Others may have waited for what was given back.
void serve_waiting(Cta& cta) {
  std::vector<Warp*> waiting;
  waiting.swap(cta.waiting_for_registers);
  for (Warp* warp : waiting) {
    if (!take(*warp, static_cast<int>(warp->lanes[0]->wait_for))) {
      cta.waiting_for_registers.push_back(warp);
      continue;
    }
    for (Thread* lane : warp->lanes) wake(*lane);
  }
}

void wait_for_registers(Thread& thread, int per_thread) {
  thread.cta->waiting_for_registers.push_back(thread.warp);
  for (Thread* lane : thread.warp->lanes) {
    lane->wait = Wait::registers;
    lane->wait_for = static_cast<uint32_t>(per_thread);
  }
  sleep(thread, Wait::registers, 0, static_cast<uint32_t>(per_thread));
}

}  // namespace

void registers_leaf(ThreadState& state, int per_thread, bool grow) {
  Thread& thread = static_cast<Thread&>(state);
  if (!gather(thread, grow ? "setmaxnreg.inc" : "setmaxnreg.dec", true, {})) return;
  if (!check_count(thread, per_thread, grow)) abandon(thread);
  Warp& warp = *thread.warp;
  if (grow && !take(warp, per_thread)) return wait_for_registers(thread, per_thread);
  if (!grow) {
    warp.cta->free_registers += 32 * (warp.registers - per_thread);
    warp.registers = per_thread;
    serve_waiting(*warp.cta);
  }
  disperse(thread);
}

void bad_register_leaf(ThreadState& state, unsigned cell, bool write) {
  Thread& thread = static_cast<Thread&>(state);
  if (cell == 0) return report(thread, "uninitialised read", "a register that was never written");
  const bool reading = cell >= kReadByProduct;
  const bool done = (cell & kGroupMask) <= thread.waited;
  report(
      thread, "register in flight",
      fmt::format("{} of a register that a wgmma {}", write ? "write" : "read", reading ? "reads" : "writes"),
      {done
           ? "missing: its tile among those that the covering wait_mma names (the compiler may move accesses)"
           : "missing: a wgmma.wait_group that covers it"});
}

void trap_leaf(ThreadState& state, const char* why) {
  Thread& thread = static_cast<Thread&>(state);
  report(thread, "trap", why);
  abandon(thread);
}

}  // namespace warpfinch::emulator
