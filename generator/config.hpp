// One point of the search space. The word is always "config". A plan of one kernel has one part and prints
// flat; a plan of several prints "gemm:{…} softmax:{…} gemm:{…}".
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "generator/attention/config.hpp"
#include "generator/gemm/config.hpp"
#include "generator/problem.hpp"
#include "generator/softmax/config.hpp"

namespace warpfinch {

using KernelConfig = std::variant<GemmConfig, SoftmaxConfig, AttentionConfig>;

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
