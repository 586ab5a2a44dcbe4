// The text of configs: flat for a plan of one kernel, "gemm:{…} softmax:{…} gemm:{…}" for several.
#include "generator/config.hpp"

#include "generator/config_space.hpp"
#include "generator/operations.hpp"

namespace warpfinch {
namespace {

std::string_view name_of(const KernelConfig& kernel) {
  return std::visit([](const auto& part) { return part.kName; }, kernel);
}

// What the parts are called, for messages: "gemm:{…} softmax:{…} gemm:{…}".
std::string form_of(const Config& config) {
  std::string form;
  for (const KernelConfig& kernel : config.kernels)
    form += fmt::format("{}{}:{{…}}", form.empty() ? "" : " ", name_of(kernel));
  return form;
}

KernelConfig parse_kernel(const KernelConfig& kind, std::string_view text) {
  return std::visit(
      [&](const auto& part) -> KernelConfig {
        using Part = std::decay_t<decltype(part)>;
        return genes_from_text<Part>(text, fmt::format("config of {}", Part::kName), part);
      },
      kind);
}

struct Part {
  std::string_view name, fields;
};

// "name:{fields}" from the front of `text`, which it shortens.
Part take_part(std::string_view& text, const Config& form) {
  const size_t open = text.find('{'), close = text.find('}');
  const bool complete = open != std::string_view::npos && close != std::string_view::npos && open < close &&
                        open > 0 && text[open - 1] == ':';
  if (!complete) fail_input(fmt::format("config: {} is not of the form {}", quote(text), form_of(form)));
  const Part part{text.substr(0, open - 1), text.substr(open + 1, close - open - 1)};
  text.remove_prefix(close + 1);
  return part;
}

std::string_view without_leading_blanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

}  // namespace

std::string to_text(const KernelConfig& config) {
  return std::visit([](const auto& part) { return genes_to_text(part); }, config);
}

std::string to_text(const Config& config) {
  if (config.kernels.size() == 1) return to_text(config.kernels.front());
  std::string text;
  for (const KernelConfig& kernel : config.kernels)
    text += fmt::format("{}{}:{{{}}}", text.empty() ? "" : " ", name_of(kernel), to_text(kernel));
  return text;
}

Config parse_config(std::string_view text, const Problem& problem) {
  const Config form = default_config(problem);
  if (text.find_first_of("{}") == std::string_view::npos && form.kernels.size() == 1)
    return {{parse_kernel(form.kernels.front(), text)}};
  Config config;
  for (std::string_view rest = without_leading_blanks(text); !rest.empty();
       rest = without_leading_blanks(rest)) {
    const Part part = take_part(rest, form);
    const size_t index = config.kernels.size();
    if (index >= form.kernels.size() || name_of(form.kernels[index]) != part.name)
      fail_input(fmt::format("config: part {} is {}; {} wants {}", index + 1, quote(part.name),
                             operation(problem), form_of(form)));
    config.kernels.push_back(parse_kernel(form.kernels[index], part.fields));
  }
  if (config.kernels.size() != form.kernels.size())
    fail_input(fmt::format("config: has {} of the {} parts; {} wants {}", config.kernels.size(),
                           form.kernels.size(), operation(problem), form_of(form)));
  return config;
}

Config default_config(const Problem& problem) {
  return std::visit([](const auto& operation) { return default_of(operation); }, problem);
}

std::vector<Problem> kernel_problems(const Problem& problem) {
  return std::visit([](const auto& operation) { return kernels_of(operation); }, problem);
}

}  // namespace warpfinch
