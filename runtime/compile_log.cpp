// Reads what `ptxas -v` and the front end print. Lines of interest (NVRTC 13.0):
//   ptxas         .     528 bytes stack frame, 624 bytes spill stores, 624 bytes spill loads
//   ptxas info    : Used 64 registers, used 1 barriers, 528 bytes cumulative stack size, 256 bytes smem
//   ptxas info    : (C7517) warpgroup.wait is injected in around line 41 by compiler to allow …
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "generator/text.hpp"
#include "runtime/compiler.hpp"

namespace warpfinch {
namespace {

// The number that stands before `words` in the line; 0 when the words are not there.
int number_before(std::string_view line, std::string_view words) {
  const size_t end = line.find(words);
  size_t begin = end;
  if (end == std::string_view::npos) return 0;
  while (begin > 0 && is_digit(line[begin - 1])) --begin;
  int number = 0;
  std::from_chars(line.data() + begin, line.data() + end, number);
  return number;
}

// A log may speak of several functions (callees that were not inlined): the largest counts, as at launch.
void raise(int& value, int seen) { value = std::max(value, seen); }

// "C7517: warpgroup.wait is injected …" of an advisory line, else empty.
std::string advisory(std::string_view line) {
  const size_t open = line.find("(C");
  if (open == std::string_view::npos) return {};
  const size_t close = line.find(')', open);
  const std::string_view code = line.substr(open + 1, close == std::string_view::npos ? 0 : close - open - 1);
  if (code.size() != 5 || !std::all_of(code.begin() + 1, code.end(), is_digit)) return {};
  std::string_view text = line.substr(close + 1);
  while (text.starts_with(' ')) text.remove_prefix(1);
  return fmt::format("{}: {}", code, text);
}

}  // namespace

Resources parse_compile_log(const std::string& log) {
  Resources resources;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    raise(resources.registers, number_before(line, " registers"));
    raise(resources.barriers, number_before(line, " barriers"));
    raise(resources.static_shared_bytes, number_before(line, " bytes smem"));
    raise(resources.stack_bytes, number_before(line, " bytes stack frame"));
    raise(resources.stack_bytes, number_before(line, " bytes cumulative stack size"));
    raise(resources.spill_stores, number_before(line, " bytes spill stores"));
    raise(resources.spill_loads, number_before(line, " bytes spill loads"));
    std::string warning = advisory(line);
    const auto& known = resources.warnings;
    if (!warning.empty() && std::find(known.begin(), known.end(), warning) == known.end())
      resources.warnings.push_back(std::move(warning));
  }
  return resources;
}

// Bytes per thread. A few words that ptxas keeps in memory around the loop over keys cost nothing that could
// be measured (8 and 20 bytes: 0.997 and 1.002 of the speed without, H200, 2026-12-01); in the loop they are
// many.
constexpr int kMostSpilled = 32;

std::optional<Rejection> check_resources(const CompiledKernel& kernel) {
  const Resources& used = kernel.resources;
  std::string reason;
  if (!used.warnings.empty()) {
    reason = "ptxas " + used.warnings.front();
    if (used.warnings.size() > 1) reason += fmt::format(" (and {} more)", used.warnings.size() - 1);
  } else if (used.spill_stores > kMostSpilled || used.spill_loads > kMostSpilled) {
    reason = fmt::format("{} registers do not hold it: {} bytes of spill stores, {} of loads", used.registers,
                         used.spill_stores, used.spill_loads);
  }
  if (reason.empty()) return std::nullopt;
  return Rejection{"resources", reason};
}

}  // namespace warpfinch
