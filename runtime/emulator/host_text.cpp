// From CudaSource to what the host compiler gets: one text, with the stand-ins in place of the headers that
// hold instructions, and a mark of its line in front of each of the kernel's statements.
#include <fmt/format.h>

#include "generator/emit/templates.hpp"
#include "runtime/emulator/device_files.hpp"
#include "runtime/emulator/kernel.hpp"

namespace warpfinch::emulator {
namespace {

std::string_view trimmed(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}
std::string_view without_remark(std::string_view line) { return trimmed(line.substr(0, line.find("//"))); }

// May a statement begin behind this line?
bool ends_statement(std::string_view line) {
  if (line.empty()) return false;
  return line.ends_with(';') || line.ends_with('}') || (line.ends_with('{') && !line.ends_with("= {"));
}
bool begins_statement(std::string_view line) {
  for (std::string_view other : {"}", "#", "else", "case ", "default:", "//"})
    if (line.starts_with(other)) return false;
  return !line.empty();
}

// Lines keep their numbers. Marks stand in the body of the kernel only.
std::string with_line_marks(std::string_view kernel) {
  std::string text;
  bool inside = false, may_begin = false;
  for (int number = 1; !kernel.empty(); ++number) {
    const size_t length = std::min(kernel.find('\n'), kernel.size());
    const std::string_view line = kernel.substr(0, length), code = without_remark(line);
    kernel.remove_prefix(std::min(length + 1, kernel.size()));
    if (inside && may_begin && begins_statement(code)) text += fmt::format("WF_LINE({}); ", number);
    text.append(line).push_back('\n');
    if (line.find("__global__") != std::string_view::npos) inside = true;
    if (line.starts_with('}')) inside = false;
    if (!code.empty()) may_begin = ends_statement(code);
  }
  return text;
}

// "sm90/ptx.cuh" → the stand-in "sm90_ptx.cuh".
std::string_view stand_in(std::string_view header) {
  std::string name(header);
  for (char& c : name)
    if (c == '/') c = '_';
  return device_text(name);
}

std::string entries(const std::string& kernel) {
  return fmt::format(
      "\nextern \"C\" warpfinch::emulator::ThreadState** warpfinch_self() {{\n"
      "  return &warpfinch::emulator::self;\n}}\n"
      "extern \"C\" void warpfinch_leaves(const warpfinch::emulator::Leaves* leaves) {{\n"
      "  warpfinch::emulator::leaves = leaves;\n}}\n"
      "extern \"C\" void warpfinch_call(void* const* arguments) {{\n"
      "  warpfinch::emulator::call_kernel(&{}, arguments);\n}}\n",
      kernel);
}

}  // namespace

std::string host_text(const CudaSource& source) {
  CudaSource host = source;
  for (Header& header : host.headers)
    if (const std::string_view text = stand_in(header.name); !text.empty()) header.text = text;
  host.headers.insert(host.headers.begin(), {{"leaves.hpp", std::string(device_text("leaves.hpp"))},
                                             {"exp2.cuh", std::string(device_text("exp2.cuh"))},
                                             {"log2.cuh", std::string(device_text("log2.cuh"))},
                                             {"prelude.cuh", std::string(device_text("prelude.cuh"))}});
  host.kernel = fmt::format("#line 1 \"{}.cu\"\n", source.entry) + with_line_marks(source.kernel) +
                "#line 1 \"entries\"" + entries(source.entry);
  return inlined(host);
}

}  // namespace warpfinch::emulator
