// Hazards as text: what clashed, what both sides did, what is missing, how to see it again.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/emulator/run_state.hpp"

namespace warpfinch::emulator {
namespace {

std::string kernel_line(const std::string& text, int number) {
  size_t at = 0;
  for (int i = 1; i < number && at != std::string::npos; ++i) {
    at = text.find('\n', at);
    if (at != std::string::npos) ++at;
  }
  if (at == std::string::npos) return "";
  const size_t first = text.find_first_not_of(' ', at);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find('\n', first) - first);
}

int ir_line(const RunState& run, int line) {
  const std::vector<int>& lines = run.kernel.source().ir_lines;
  return line >= 1 && static_cast<size_t>(line) <= lines.size() ? lines[static_cast<size_t>(line) - 1] : 0;
}

std::string whole_text(const RunState& run, const Finding& finding) {
  std::string text = fmt::format("{}: {}", finding.kind, finding.what);
  for (const std::string& detail : finding.details) text += "\n  " + detail;
  text += fmt::format("\n  in {}, block {} of {}, schedule seed {}", run.launch.name, finding.block, run.grid,
                      run.options.schedule_seed);
  if (!run.options.reproduce.empty()) text += "\n  to see it again: " + run.options.reproduce;
  return text;
}

}  // namespace

void report(RunState& run, const Finding& finding) {
  const std::lock_guard lock(run.mutex);
  for (const Hazard& known : run.hazards)
    if (known.kind == finding.kind && known.source_line == finding.line &&
        known.other_line == finding.other_line)
      return;
  if (static_cast<int>(run.hazards.size()) >= run.options.max_hazards) return;
  run.hazards.push_back({std::string(finding.kind), whole_text(run, finding), ir_line(run, finding.line),
                         finding.line, finding.other_line});
  if (static_cast<int>(run.hazards.size()) >= run.options.max_hazards) run.stopped = true;
}

void report(Thread& thread, std::string_view kind, const std::string& what, std::vector<std::string> details,
            int other_line) {
  RunState& run = *thread.world->run;
  details.insert(details.begin(), fmt::format("{} at {}", thread_text(thread), line_text(run, thread.line)));
  report(run, {kind, what, thread.block, thread.line, other_line, std::move(details)});
}

std::string line_text(const RunState& run, int line) {
  if (line == 0) return "the kernel's start";
  const int ir = ir_line(run, line);
  return fmt::format("line {}{}: {}", line, ir ? fmt::format(" (IR line {})", ir) : "",
                     kernel_line(run.kernel.source().kernel, line));
}

std::string thread_text(const Thread& thread) {
  return fmt::format("thread {} (warp {}, lane {})", thread.thread, thread.thread / 32, thread.lane);
}

std::string access_text(const RunState& run, const Access& access) {
  const auto by = [&](std::string_view doing) {
    return fmt::format("{} at {}", doing, line_text(run, access.line));
  };
  const int thread = access.thread;
  switch (access.side) {
    case Side::read:
      return by(fmt::format("thread {} (warp {}) reads", thread, thread / 32));
    case Side::write:
      return by(fmt::format("thread {} (warp {}) writes", thread, thread / 32));
    case Side::atomic:
      return by(fmt::format("thread {} (warp {}) updates atomically", thread, thread / 32));
    case Side::copy_read:
      return by(fmt::format("copy engine (for thread {}) reads", thread));
    case Side::copy_write:
      return by(fmt::format("copy engine (for thread {}) writes", thread));
    case Side::product_read:
      return by(fmt::format("wgmma of warp {} reads", thread / 32));
    case Side::barrier_object:
      return by(fmt::format("mbarrier, initialised by thread {}", thread));
  }
  return "";
}

std::string missing_text(const Access& before, const Access& after, Why why) {
  if (why == Why::not_proxied)
    return "missing: fence.proxy.async between the write and the async read, ordered after the write";
  if (why == Why::swizzle)
    return fmt::format("the copy swizzles by {} bytes, the reader by {}", before.swizzle, after.swizzle);
  if (before.block != after.block) return "missing: nothing orders these two blocks";
  switch (before.side) {
    case Side::copy_write:
      return "missing: a wait for the mbarrier phase (or the group) that this copy completes";
    case Side::product_read:
      return fmt::format("missing: a wgmma.wait_group of warp {} that covers the read, then a hand-over",
                         before.thread / 32);
    case Side::copy_read:
      return fmt::format("missing: a cp.async.bulk.wait_group by thread {}, then a hand-over", before.thread);
    default:
      return "missing: a barrier (bar.sync, mbarrier, __syncwarp) between the two";
  }
}

}  // namespace warpfinch::emulator
