#include "runtime/compile_record.hpp"

#include <fmt/format.h>

#include <charconv>

namespace warpfinch {
namespace {

// Takes "<length>\n<that many bytes>" off the front.
std::optional<std::string> take_part(std::string_view& record) {
  const size_t line = record.find('\n');
  if (line == std::string_view::npos) return std::nullopt;
  size_t length = 0;
  const auto [end, code] = std::from_chars(record.data(), record.data() + line, length);
  if (code != std::errc() || end != record.data() + line) return std::nullopt;
  record.remove_prefix(line + 1);
  if (length > record.size()) return std::nullopt;
  std::string part(record.substr(0, length));
  record.remove_prefix(length);
  return part;
}

}  // namespace

std::string record_of(const CompiledKernel& kernel) {
  std::string record;
  for (const std::string* part : {&kernel.nvrtc, &kernel.log, &kernel.cubin})
    record += fmt::format("{}\n{}", part->size(), *part);
  return record;
}

std::optional<CompiledKernel> kernel_from_record(std::string_view record) {
  auto nvrtc = take_part(record);
  auto log = nvrtc ? take_part(record) : std::nullopt;
  auto cubin = log ? take_part(record) : std::nullopt;
  if (!cubin || !record.empty()) return std::nullopt;
  CompiledKernel kernel;
  kernel.nvrtc = *std::move(nvrtc);
  kernel.log = *std::move(log);
  kernel.cubin = *std::move(cubin);
  kernel.resources = parse_compile_log(kernel.log);
  kernel.from_cache = true;
  return kernel;
}

}  // namespace warpfinch
