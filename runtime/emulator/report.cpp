// Hazards as text: what clashed, what both sides did, what is missing.
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

// Of the same kind between the same two lines, whichever came first.
bool is_same(const Hazard& known, const Finding& finding) {
  return known.kind == finding.kind &&
         std::minmax(known.source_line, known.other_line) == std::minmax(finding.line, finding.other_line);
}

std::string whole_text(const RunState& run, const Finding& finding) {
  std::string text = fmt::format("{}: {}", finding.kind, finding.what);
  for (const std::string& detail : finding.details) text += "\n  " + detail;
  text += fmt::format("\n  in {}, block {} of {}, schedule seed {}", run.launch.name, finding.block, run.grid,
                      run.options.schedule_seed);
  return text;
}

// A load ends with a phase, all else that the copy engine does with a group.
std::string missing_after_copy(const Access& before, Shadow::Memory memory) {
  const bool is_load =
      before.side != Side::atomic && (before.side == Side::copy_write) == (memory == Shadow::Memory::shared);
  if (is_load) return "missing: a wait for the mbarrier phase that this copy completes";
  return fmt::format("missing: a cp.async.bulk.wait_group by thread {}, then a hand-over", before.thread);
}

}  // namespace

void report(RunState& run, const Finding& finding) {
  const std::lock_guard lock(run.mutex);
  for (const Hazard& known : run.hazards)
    if (is_same(known, finding)) return;
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
  const int thread = access.thread;
  const std::string by_thread = fmt::format("thread {} (warp {})", thread, thread / 32),
                    by_engine = fmt::format("copy engine (for thread {})", thread);
  const auto doing = [&]() -> std::string {
    switch (access.side) {
      case Side::read:
        return by_thread + " reads";
      case Side::write:
        return by_thread + " writes";
      case Side::atomic:
        return access.copy ? by_engine + " adds" : by_thread + " updates atomically";
      case Side::copy_read:
        return by_engine + " reads";
      case Side::copy_write:
        return by_engine + " writes";
      case Side::product_read:
        return fmt::format("wgmma of warp {} reads", thread / 32);
      case Side::barrier_object:
        return fmt::format("mbarrier, initialised by thread {}", thread);
    }
    return "";
  };
  return fmt::format("{} at {}", doing(), line_text(run, access.line));
}

std::string other_side_text(const RunState& run, const Access& before, Why why) {
  const char* relation = why == Why::swizzle          ? "ordered behind"
                         : why == Why::barrier_object ? "what lies there"
                                                      : "not ordered behind";
  return fmt::format("{}: {}", relation, access_text(run, before));
}

std::string missing_text(const Access& before, const Access& after, Why why, Shadow::Memory memory) {
  if (why == Why::not_proxied)
    return "missing: fence.proxy.async between the write and the async read, ordered after the write";
  if (why == Why::swizzle)
    return fmt::format("the copy swizzles by {} bytes, the reader by {}", before.swizzle, after.swizzle);
  if (before.block != after.block) return "missing: nothing orders these two blocks";
  if (before.side == Side::write && before.copy != 0)
    return fmt::format("missing: a wait of thread {} for its cp.async, then a hand-over", before.thread);
  if (before.copy != 0) return missing_after_copy(before, memory);
  if (before.side == Side::product_read)
    return fmt::format("missing: a wgmma.wait_group of warp {} that covers the read, then a hand-over",
                       before.thread / 32);
  return "missing: a barrier (bar.sync, mbarrier, __syncwarp) between the two";
}

}  // namespace warpfinch::emulator
