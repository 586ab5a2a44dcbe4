#include "tools/tensor_argument.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "tools/files.hpp"

namespace warpfinch {
namespace {

constexpr std::string_view kRight = "right: name=dtype[d0,d1]@file.npy, @random or @zeros";

[[noreturn]] void refuse(const std::string& text, const std::string& what) {
  fail_input(fmt::format("--tensor {}: {}", excerpt(text), what));
}

std::string names_of(const std::vector<Buffer>& buffers) {
  std::string names;
  for (const Buffer& buffer : buffers) names += (names.empty() ? "" : ", ") + buffer.name;
  return names;
}

size_t index_of(const std::vector<Buffer>& buffers, const std::string& name, const std::string& option) {
  for (size_t i = 0; i < buffers.size(); ++i)
    if (buffers[i].name == name) return i;
  fail_input(fmt::format("{}: there is no tensor {}; there are: {}", excerpt(option), quote(name),
                         names_of(buffers)));
}

void check_matches(const std::string& text, const TensorArgument& argument, const Buffer& buffer) {
  if (argument.type != to_text(buffer.type))
    refuse(text, fmt::format("dtype is {}, should be {}", argument.type, to_text(buffer.type)));
  if (argument.shape != buffer.shape)
    refuse(text, fmt::format("shape is [{}], should be [{}]", fmt::join(argument.shape, ","),
                             fmt::join(buffer.shape, ",")));
}

bool is_file(const TensorArgument& argument) {
  return argument.source != "random" && argument.source != "zeros";
}

// The argument of each buffer, none where the user gave none.
using Arguments = std::vector<std::optional<TensorArgument>>;
Arguments match(const std::vector<Buffer>& buffers, const std::vector<std::string>& texts) {
  Arguments matched(buffers.size());
  for (const std::string& text : texts) {
    TensorArgument argument = parse_tensor_argument(text);
    const size_t i = index_of(buffers, argument.name, "--tensor " + text);
    if (matched[i]) refuse(text, fmt::format("{} is given twice", quote(argument.name)));
    check_matches(text, argument, buffers[i]);
    matched[i] = std::move(argument);
  }
  return matched;
}

struct Output {
  std::string name, file;
};
Output parse_output(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size())
    fail_input(fmt::format("--output {}: right: name=file.npy", excerpt(text)));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace

TensorArgument parse_tensor_argument(const std::string& text) {
  const size_t equals = text.find('=');
  const size_t open = text.find('[', std::min(equals, text.size()));
  const size_t close = text.find("]@", std::min(open, text.size()));
  if (equals == std::string::npos || equals == 0 || open == std::string::npos || close == std::string::npos)
    refuse(text, std::string(kRight));
  TensorArgument argument;
  argument.name = text.substr(0, equals);
  argument.type = text.substr(equals + 1, open - equals - 1);
  argument.source = text.substr(close + 2);
  std::string wanted;
  if (!value_from_text(std::string_view(text).substr(open, close + 1 - open), argument.shape, wanted))
    refuse(text, fmt::format("dimensions are {}", wanted));
  if (!data_type_from_text(argument.type))
    refuse(text, fmt::format("{} is no dtype; known: bf16, fp16, fp32", quote(argument.type)));
  if (argument.source.empty()) refuse(text, std::string(kRight));
  return argument;
}

std::vector<HostTensor> load_tensors(const std::vector<Buffer>& buffers,
                                     const std::vector<std::string>& arguments, uint64_t seed, double spread,
                                     InputKind kind) {
  const Arguments matched = match(buffers, arguments);
  // The seeds are those of workload(), so that "random" said aloud and a tensor left out are the same.
  std::vector<HostTensor> tensors = workload(buffers, seed, spread, kind);
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (!matched[i] || (matched[i]->source == "random" && !buffers[i].output)) continue;
    tensors[i] = is_file(*matched[i])             ? read_npy(matched[i]->source, buffers[i])
                 : matched[i]->source == "random" ? random(buffers[i], seed + i, spread)
                                                  : zeros(buffers[i]);
  }
  return tensors;
}

void check_tensors(const std::vector<Buffer>& buffers, const std::vector<std::string>& arguments) {
  const Arguments matched = match(buffers, arguments);
  for (size_t i = 0; i < buffers.size(); ++i)
    if (matched[i] && is_file(*matched[i])) read_npy(matched[i]->source, buffers[i]);
}

void check_outputs(const std::vector<Buffer>& buffers, const std::vector<std::string>& outputs) {
  for (const std::string& text : outputs) {
    const Output output = parse_output(text);
    index_of(buffers, output.name, "--output " + text);
    if (output.file == "-")
      fail_input(
          fmt::format("--output {}: should name a file; standard output holds the report", excerpt(text)));
    check_can_write(output.file);
  }
}

void write_outputs(const std::vector<HostTensor>& tensors, const std::vector<std::string>& outputs) {
  for (const std::string& text : outputs) {
    const Output output = parse_output(text);
    for (const HostTensor& tensor : tensors)
      if (tensor.buffer.name == output.name) write_file(output.file, to_npy(tensor));
  }
}

}  // namespace warpfinch
