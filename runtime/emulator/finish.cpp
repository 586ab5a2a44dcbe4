#include "runtime/emulator/finish.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <span>

#include "generator/text.hpp"
#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

// "lacks 1 of 9 arrivals and 16 bytes"
std::string lack_text(const Mbarrier& barrier) {
  std::vector<std::string> parts;
  if (barrier.pending > 0)
    parts.push_back(fmt::format("lacks {} of {} arrivals", barrier.pending, barrier.count));
  if (barrier.bytes > 0)
    parts.push_back(fmt::format("{}{} bytes", parts.empty() ? "lacks " : "", barrier.bytes));
  if (barrier.bytes < 0) parts.push_back(fmt::format("got {} bytes too many", -barrier.bytes));
  return fmt::format("{}", fmt::join(parts, " and "));
}

// The mbarrier that the thread waits for; null where it was invalidated meanwhile.
const Mbarrier* awaited(const Thread& thread) {
  const auto found = thread.cta->mbarriers.find(thread.wait_on);
  return found == thread.cta->mbarriers.end() ? nullptr : &found->second;
}

// "for mbarrier a_ring full[0] …", of a thread that waits.
std::string wait_text(const Thread& thread) {
  const RunState& run = *thread.world->run;
  switch (thread.wait) {
    case Wait::warp:
      return fmt::format("for the other lanes of the warp in {}", thread.warp->gathering);
    case Wait::named_barrier: {
      const NamedBarrier& barrier = thread.cta->named[thread.wait_on];
      return fmt::format("at barrier {}: {} of {} threads have arrived", thread.wait_on, barrier.arrived,
                         barrier.expected);
    }
    case Wait::mbarrier: {
      const Mbarrier* barrier = awaited(thread);
      const std::string name = run.places.barrier(thread.wait_on);
      if (!barrier) return fmt::format("for {}, which is no mbarrier any more", name);
      return fmt::format("for {}, parity {}: phase {} {}", name, thread.wait_for, barrier->phase,
                         lack_text(*barrier));
    }
    case Wait::cluster:
      return fmt::format("at the cluster's barrier: {} of {} threads have arrived",
                         thread.world->barrier.arrived, thread.world->live);
    case Wait::registers:
      return fmt::format("for {} registers per thread: the warp has {}, the block {} unused", thread.wait_for,
                         thread.warp->registers, thread.cta->free_registers);
    default:
      return "";
  }
}

std::string threads_text(const std::vector<const Thread*>& threads) {
  if (threads.size() == 1) return "thread " + number_to_text(threads[0]->thread);
  std::string text;
  for (size_t i = 0; i < threads.size(); ++i) {
    size_t last = i;
    while (last + 1 < threads.size() && threads[last + 1]->thread == threads[last]->thread + 1) ++last;
    text += text.empty() ? "threads " : ", ";
    text += last == i ? number_to_text(threads[i]->thread)
                      : fmt::format("{}-{}", threads[i]->thread, threads[last]->thread);
    i = last;
  }
  return text;
}

using Group = std::vector<const Thread*>;

std::string doing_text(const Group& group) {
  const char* ending = group.size() == 1 ? "s" : "";
  if (group[0]->wait == Wait::none) return fmt::format("{} run{}", threads_text(group), ending);
  return fmt::format("{} wait{} {}", threads_text(group), ending, wait_text(*group[0]));
}

// Threads that do the same at the same line, or wait there for the same thing, in order of their first.
std::vector<Group> groups_of(const World& world) {
  std::vector<Group> groups;
  std::map<std::string, size_t> place_of;
  for (const Thread& thread : world.threads) {
    if (thread.wait == Wait::gone) continue;
    const std::string key = fmt::format("{} {} {}", thread.block, thread.line, wait_text(thread));
    const auto [place, fresh] = place_of.emplace(key, groups.size());
    if (fresh) groups.emplace_back();
    groups[place->second].push_back(&thread);
  }
  return groups;
}

// What each group does, and where; the hazard's own place is the first one's.
Finding finding_of(const World& world, std::string_view kind, const std::vector<Group>& groups) {
  Finding finding{.kind = kind, .what = {}, .details = {}};
  if (groups.empty()) return finding;
  finding.line = groups[0][0]->line;
  finding.block = groups[0][0]->block;
  for (const Group& group : groups) {
    finding.details.push_back(doing_text(group));
    finding.details.push_back(fmt::format("  at {}", line_text(*world.run, group[0]->line)));
  }
  return finding;
}

// What a phase that will never complete tells of the fault; empty where it tells nothing. Whoever is left
// waits and all copies have landed, so that what it lacks does not exist.
std::string fault_text(const Thread& thread) {
  const Mbarrier* barrier = thread.wait == Wait::mbarrier ? awaited(thread) : nullptr;
  if (!barrier) return "";
  const std::string name = thread.world->run->places.barrier(thread.wait_on);
  const uint32_t came = barrier->count - barrier->pending;
  if (barrier->pending == 0 && barrier->bytes > 0)
    return fmt::format("missing: expect_tx of {} announced {} bytes more than the copies bring", name,
                       barrier->bytes);
  if (barrier->pending == 0 || came == 0) return "";
  return fmt::format("missing: {} of {} arrivals came at {}, nobody who is left arrives", came,
                     barrier->count, name);
}

void add_missing(const std::vector<Group>& groups, Finding& finding) {
  for (const Group& group : groups) {
    const std::string text = fault_text(*group[0]);
    if (!text.empty() &&
        std::find(finding.details.begin(), finding.details.end(), text) == finding.details.end())
      finding.details.push_back(text);
  }
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
  const std::vector<Group> groups = groups_of(world);
  Finding finding = finding_of(world, "deadlock", groups);
  size_t count = 0;
  for (const Group& group : groups) {
    count += group.size();
    if (group[0]->wait == Wait::registers) finding.kind = "register reallocation that cannot be granted";
  }
  finding.what = fmt::format("{}, and nobody is left who could wake {}",
                             count == 1 ? "a thread waits" : fmt::format("{} threads wait", count),
                             count == 1 ? "it" : "them");
  add_missing(groups, finding);
  report(*world.run, finding);
}

void report_endless(World& world, const Thread* running) {
  RunState& run = *world.run;
  if (run.stopped.exchange(true)) return;  // one cluster speaks for all
  std::vector<Group> groups = groups_of(world);
  // Who runs, then who could, then who waits.
  const auto rank = [&](const Group& group) {
    const bool runs = std::find(group.begin(), group.end(), running) != group.end();
    return runs ? 0 : group[0]->wait == Wait::none ? 1 : 2;
  };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const Group& a, const Group& b) { return rank(a) < rank(b); });
  Finding finding = finding_of(world, "does not end", groups);
  finding.what = fmt::format("still running after {} s", run.options.most_seconds);
  report(run, finding);
}

}  // namespace warpfinch::emulator
