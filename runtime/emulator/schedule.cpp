// Who runs next: lanes of a randomly chosen warp, or the copy engine. A thread runs until it waits.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "runtime/emulator/finish.hpp"
#include "runtime/emulator/leaf_functions.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

void list_as_ready(Warp& warp) {
  if (warp.listed) return;
  warp.listed = true;
  warp.world->ready.push_back(&warp);
}

void thread_body(FiberArrival arrival) {
  Thread& thread = *static_cast<Thread*>(arrival.data);
  thread.world->scheduler = arrival.fctx;
  thread.world->kernel->call(thread.world->run->arguments());
  leave_kernel(thread);
  sleep(thread, Wait::gone);
  assert(false);
}

void resume(Thread& thread, ThreadState** self) {
  *self = &thread;
  thread.place = boost::context::detail::jump_fcontext(thread.place, &thread).fctx;
}

// Each runnable lane once, from a random one on.
void run_warp(Warp& warp, ThreadState** self) {
  World& world = *warp.world;
  const uint32_t lanes = warp.runnable, first = world.dice.below(32);
  for (uint32_t i = 0; i < 32 && !world.stopped; ++i) {
    const uint32_t lane = (first + i) % 32;
    if (lanes >> lane & 1) resume(*warp.lanes[lane], self);
  }
}

// False where nobody is ready.
bool run_some_warp(World& world, ThreadState** self) {
  if (world.ready.empty()) return false;
  const size_t i = world.dice.below(static_cast<uint32_t>(world.ready.size()));
  Warp& warp = *world.ready[i];
  run_warp(warp, self);
  if (warp.runnable == 0) {
    warp.listed = false;
    const auto place = std::find(world.ready.begin(), world.ready.end(), &warp);
    *place = world.ready.back();
    world.ready.pop_back();
  }
  return true;
}

bool run_some_copy(World& world) {
  if (world.copies.empty()) return false;
  auto copy = world.copies.begin();
  std::advance(copy, world.dice.below(static_cast<uint32_t>(world.copies.size())));
  advance_copy(world, copy);
  return true;
}

void run_to_end(World& world, ThreadState** self) {
  while (world.live > 0 && !world.stopped) {
    if (world.run->is_over()) return;
    if (world.run->is_out_of_time()) return report_endless(world, nullptr);
    const bool copy_first = world.laziness > 0 && world.dice.below(world.laziness) == 0;
    if (copy_first && run_some_copy(world)) continue;
    if (run_some_warp(world, self) || run_some_copy(world)) continue;
    report_deadlock(world);
    return;
  }
  if (!world.stopped) finish_cluster(world);
}

void set_up_warps(World& world, int per_block) {
  const RunState& run = *world.run;
  const int budget = 65536 / (world.block_threads * run.launch.blocks_per_multiprocessor) / 8 * 8;
  for (size_t w = 0; w < world.warps.size(); ++w) {
    Warp& warp = world.warps[w];
    warp.world = &world;
    warp.cta = &world.ctas[w / static_cast<size_t>(per_block)];
    warp.index = static_cast<int>(w) % per_block;
    warp.component = new_component(world);
    warp.registers = std::min(budget, 256);
    list_as_ready(warp);
  }
}

void set_up_thread(World& world, const Stacks& stacks, size_t i) {
  Thread& thread = world.threads[i];
  const size_t per_block = static_cast<size_t>(world.block_threads), warps = (per_block + 31) / 32;
  thread.world = &world;
  thread.cta = &world.ctas[i / per_block];
  thread.thread = static_cast<int>(i % per_block);
  thread.threads = world.block_threads;
  thread.block = thread.cta->block;
  thread.blocks = static_cast<int>(world.run->grid);
  thread.lane = thread.thread % 32;
  thread.warp = &world.warps[i / per_block * warps + i % per_block / 32];
  thread.warp->lanes[static_cast<size_t>(thread.lane)] = &thread;
  thread.warp->runnable |= 1u << thread.lane;
  thread.component = static_cast<uint32_t>(i);
  thread.knows.happened.raise(thread.component, 1);
  thread.place = new_fiber(stacks, i, thread_body);
}

void set_up_cta(World& world, int rank, int block) {
  Cta& cta = world.ctas[static_cast<size_t>(rank)];
  cta.world = &world;
  cta.rank = rank;
  cta.block = block;
  const auto bytes = static_cast<size_t>(world.run->launch.shared_bytes);
  // What was never written is a signalling NaN, in whichever type it is read.
  cta.shared.assign(bytes, std::byte{0x7f});
  cta.shadow = std::make_unique<Shadow>(bytes, Shadow::Memory::shared);
  cta.warpgroups.resize(static_cast<size_t>(world.block_threads + 127) / 128);
}

}  // namespace

void sleep(Thread& thread, Wait wait, uint32_t on, uint32_t for_) {
  thread.wait = wait;
  thread.wait_on = on;
  thread.wait_for = for_;
  thread.warp->runnable &= ~(1u << thread.lane);
  World& world = *thread.world;
  world.scheduler = boost::context::detail::jump_fcontext(world.scheduler, nullptr).fctx;
}

void wake(Thread& thread) {
  thread.wait = Wait::none;
  thread.warp->runnable |= 1u << thread.lane;
  list_as_ready(*thread.warp);
}

void yield(Thread& thread) {
  World& world = *thread.world;
  world.scheduler = boost::context::detail::jump_fcontext(world.scheduler, nullptr).fctx;
}

void abandon(Thread& thread) {
  thread.world->stopped = true;
  sleep(thread, Wait::gone);
  __builtin_unreachable();
}

void tick_leaf(ThreadState& state) {
  Thread& thread = static_cast<Thread&>(state);
  RunState& run = *thread.world->run;
  if (run.is_out_of_time()) report_endless(*thread.world, &thread);
  if (run.is_over()) abandon(thread);
}

void publish(Thread& thread, Knowledge& to) {
  to.join(thread.knows);
  thread.knows.happened.raise(thread.component, thread.epoch() + 1);
}

void run_cluster(RunState& run, const KernelCopy& kernel, const Stacks& stacks, int first_block, int ctas) {
  World world;
  world.run = &run;
  world.kernel = &kernel;
  world.first_block = first_block;
  world.block_threads = run.launch.threads;
  const size_t count = static_cast<size_t>(ctas);
  world.ctas.resize(count);
  world.threads.resize(count * static_cast<size_t>(world.block_threads));
  world.components = static_cast<uint32_t>(world.threads.size());
  const int warps = (world.block_threads + 31) / 32;
  world.warps.resize(count * static_cast<size_t>(warps));
  world.live = world.threads.size();
  world.dice = Dice(run.options.schedule_seed * 0x9e3779b97f4a7c15u + static_cast<uint64_t>(first_block));
  // Some schedules have an eager copy engine, some one that moves only when all threads wait.
  static constexpr uint32_t kLaziness[] = {3, 40, 0, 1};
  world.laziness = kLaziness[(run.options.schedule_seed + static_cast<uint64_t>(first_block)) % 4];
  for (int rank = 0; rank < ctas; ++rank) set_up_cta(world, rank, first_block + rank);
  set_up_warps(world, warps);
  for (size_t i = 0; i < world.threads.size(); ++i) set_up_thread(world, stacks, i);
  run_to_end(world, kernel.self());
  run.copies += world.copies_issued;
  run.products += world.products_issued / 4;
}

}  // namespace warpfinch::emulator
