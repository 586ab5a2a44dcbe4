// One point of the search space. The word is always "config". A plan of one kernel has one part and prints
// flat; a plan of several prints "gemm:{…} softmax:{…} gemm:{…}".
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "generator/attention/config.hpp"
#include "generator/gemm/config.hpp"
#include "generator/problem.hpp"
#include "generator/softmax/config.hpp"

namespace warpfinch {

// The list of kernels that have configs.
using KernelConfig = std::variant<GemmConfig, SoftmaxConfig, AttentionConfig>;

// What a kernel brings: its genes, their constraints, and its cost model.
template <class Config>
concept KernelParts = std::equality_comparable<Config> &&
    requires(const typename Config::Computes& problem, const Config& config, const Target& target) {
  { Config::kName } -> std::convertible_to<std::string_view>;
  { Config::genes() } -> std::same_as<const Genes<Config>&>;
  { Config::constraints() } -> std::same_as<const Constraints<Config>&>;
  // Predicted microseconds, see predict_us.
  { kernel_us(problem, config, target) } -> std::same_as<double>;
  // Does another config print the same kernel? Then a ranking leaves this one out.
  { repeats_another(problem, config) } -> std::same_as<bool>;
  // Does the kernel round Q once more than the problem asks for, so that results are checked less strictly?
  { rounds_scaled_q(config) } -> std::same_as<bool>;
};
template <class... Configs>
constexpr bool all_are_kernels(const std::variant<Configs...>*) {
  return (KernelParts<Configs> && ...);
}
static_assert(all_are_kernels(static_cast<const KernelConfig*>(nullptr)));

// Calls visit(problem, config) with a kernel's problem and config as what they are.
template <class Visitor>
auto visit_kernel(const Problem& problem, const KernelConfig& kernel, Visitor&& visit) {
  return std::visit(
      [&](const auto& config) {
        using Computes = typename std::decay_t<decltype(config)>::Computes;
        return visit(std::get<Computes>(problem), config);
      },
      kernel);
}

struct Config {
  std::vector<KernelConfig> kernels;  // one per kernel of the plan
  bool operator==(const Config&) const = default;
};

std::string to_text(const KernelConfig& config);
std::string to_text(const Config& config);
// The config text for that problem, over its default config; Error (input) for unknown keys, values or a
// wrong number of parts.
Config parse_config(std::string_view text, const Problem& problem);
// The config of the kernels that the problem's plan has: each field at its default, key_tile at what fits.
Config default_config(const Problem& problem);

}  // namespace warpfinch
