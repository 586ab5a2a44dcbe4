#include "runtime/emulator/finish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

std::string wait_text(const Thread& thread) {
  const RunState& run = *thread.world->run;
  switch (thread.wait) {
    case Wait::warp:
      return fmt::format("wait for the other lanes of the warp in {}", thread.warp->gathering);
    case Wait::named_barrier: {
      const NamedBarrier& barrier = thread.cta->named[thread.wait_on];
      return fmt::format("wait at barrier {}: {} of {} threads have arrived", thread.wait_on, barrier.arrived,
                         barrier.expected);
    }
    case Wait::mbarrier: {
      const Mbarrier& barrier = thread.cta->mbarriers.at(thread.wait_on);
      return fmt::format("wait for {}, parity {}: phase {} lacks {} of {} arrivals and {}",
                         run.places.barrier(thread.wait_on), thread.wait_for, barrier.phase, barrier.pending,
                         barrier.count,
                         barrier.bytes < 0 ? fmt::format("got {} bytes too many", -barrier.bytes)
                                           : fmt::format("{} bytes", barrier.bytes));
    }
    case Wait::cluster:
      return fmt::format("wait at the cluster's barrier: {} of {} threads have arrived",
                         thread.world->barrier.arrived, thread.world->live);
    case Wait::registers:
      return fmt::format("wait for {} registers per thread: the warp has {}, the block {} unused",
                         thread.wait_for, thread.warp->registers, thread.cta->free_registers);
    default:
      return "";
  }
}

std::string threads_text(const std::vector<const Thread*>& threads) {
  if (threads.size() == 1) return "thread " + std::to_string(threads[0]->thread);
  std::string text;
  for (size_t i = 0; i < threads.size(); ++i) {
    size_t last = i;
    while (last + 1 < threads.size() && threads[last + 1]->thread == threads[last]->thread + 1) ++last;
    text += text.empty() ? "threads " : ", ";
    text += last == i ? std::to_string(threads[i]->thread)
                      : fmt::format("{}-{}", threads[i]->thread, threads[last]->thread);
    i = last;
  }
  return text;
}

// Threads that wait for the same thing at the same line, in order of their first.
std::vector<std::vector<const Thread*>> waiting_together(const World& world) {
  std::vector<std::vector<const Thread*>> groups;
  std::map<std::string, size_t> place_of;
  for (const Thread& thread : world.threads) {
    if (thread.wait == Wait::gone || thread.wait == Wait::none) continue;
    const std::string key = fmt::format("{} {} {}", thread.block, thread.line, wait_text(thread));
    const auto [place, fresh] = place_of.emplace(key, groups.size());
    if (fresh) groups.emplace_back();
    groups[place->second].push_back(&thread);
  }
  return groups;
}

void report_unfinished_products(World& world) {
  for (Warp& warp : world.warps) {
    Thread& thread = *warp.lanes[0];
    if (warp.open_products > 0)
      report(thread, "ends in flight",
             fmt::format("warp {} leaves wgmma that no commit_group closes", warp.index));
    else if (warp.waited < warp.committed)
      report(thread, "ends in flight",
             fmt::format("warp {} leaves {} groups of wgmma that no wait_group covers", warp.index,
                         warp.committed - warp.waited));
    if (warp.index % 4 != 0 && warp.issued != (&warp)[-1].issued)
      report(thread, "wgmma differs between warps",
             fmt::format("warp {} issued {} of them, the warp before it {}", warp.index, warp.issued,
                         (&warp)[-1].issued));
  }
}

// setmaxnreg is executed by whole warpgroups.
void report_uneven_registers(World& world) {
  for (Warp& warp : world.warps)
    if (warp.index % 4 != 0 && warp.registers != (&warp)[-1].registers)
      report(*warp.lanes[0], "wrong register reallocation",
             fmt::format("warp {} ends with {} registers, the warp before it in its warpgroup with {}",
                         warp.index, warp.registers, (&warp)[-1].registers));
}

void report_unfinished_stores(Thread& thread) {
  if (thread.open_copies)
    report(thread, "ends in flight", "bulk copies that no commit_group closes");
  else if (thread.copy_read_component != 0 &&
           thread.knows.happened.at(thread.copy_read_component) < thread.copy_groups)
    report(thread, "ends in flight",
           "bulk stores may still read shared memory; missing: cp.async.bulk.wait_group.read");
  if (thread.open_small_copies ||
      (thread.small_copy_component != 0 &&
       thread.knows.happened.at(thread.small_copy_component) < thread.small_copy_groups))
    report(thread, "ends in flight", "cp.async copies that no wait covers");
}

void report_unfinished_loads(World& world) {
  for (Cta& cta : world.ctas)
    for (auto& [address, barrier] : cta.mbarriers) {
      if (barrier.component == 0) continue;
      bool seen = false;
      for (const Thread& thread : world.threads)
        seen = seen || thread.knows.happened.at(barrier.component) >= barrier.last_copy_phase;
      if (seen) continue;
      Thread& first = world.threads[static_cast<size_t>(cta.rank) * static_cast<size_t>(world.block_threads)];
      report(first, "ends in flight",
             fmt::format("nobody waited for the last copies of {}", world.run->places.barrier(address)));
    }
}

// A block is there as long as one of its threads is: one that knows of the access when it leaves.
void report_accesses_to_ended_blocks(World& world) {
  const auto threads = static_cast<size_t>(world.block_threads);
  for (Cta& cta : world.ctas) {
    const std::span own(world.threads.data() + static_cast<size_t>(cta.rank) * threads, threads);
    for (const auto& [thread, access] : cta.remote) {
      const auto knows = [&, who = thread, epoch = access.epoch](const Thread& other) {
        return other.knows.happened.at(who->component) >= epoch;
      };
      if (std::any_of(own.begin(), own.end(), knows)) continue;
      thread->line = access.line;
      report(*thread, "block has ended",
             fmt::format("nothing keeps block {} from having ended when its shared memory is reached",
                         cta.block),
             {"missing: a cluster barrier behind the access, or another wait of that block for it"});
    }
  }
}

}  // namespace

void leave_kernel(Thread& thread) {
  Warp& warp = *thread.warp;
  --thread.world->live;
  if (warp.gathered != 0 && (warp.expected >> thread.lane & 1)) {
    report(thread, "divergent warp-synchronous instruction",
           fmt::format("lane {} leaves the kernel while others of its warp wait for it in {}", thread.lane,
                       warp.gathering),
           {"they wait at " + line_text(*thread.world->run, warp.gathering_line)}, warp.gathering_line);
    abandon(thread);
  }
  warp.gone |= 1u << thread.lane;
  complete_cluster_barrier_if_due(*thread.world);
}

void finish_cluster(World& world) {
  for (Thread& thread : world.threads) report_unfinished_stores(thread);
  report_unfinished_products(world);
  report_uneven_registers(world);
  report_unfinished_loads(world);
  report_accesses_to_ended_blocks(world);
  while (!world.copies.empty()) advance_copy(world, world.copies.begin());
}

void report_deadlock(World& world) {
  RunState& run = *world.run;
  Finding finding{"deadlock", "", 0, 0, 0, {}};
  const auto groups = waiting_together(world);
  bool registers = false;
  size_t count = 0;
  for (const auto& group : groups) {
    const Thread& first = *group[0];
    if (finding.line == 0) {
      finding.line = first.line;
      finding.block = first.block;
    }
    count += group.size();
    registers = registers || first.wait == Wait::registers;
    finding.details.push_back(fmt::format("{} {}", threads_text(group), wait_text(first)));
    finding.details.push_back(fmt::format("  at {}", line_text(run, first.line)));
  }
  finding.what = fmt::format("{} threads wait, and nobody is left who could wake them", count);
  if (registers) finding.kind = "register reallocation that cannot be granted";
  report(run, finding);
}

}  // namespace warpfinch::emulator
