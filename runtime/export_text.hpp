// The host side of an exported file, as the C++ that it is. Internal to runtime/.
#pragma once

#include <string>
#include <string_view>

#include "generator/config.hpp"

namespace warpfinch {

// Tensors, random inputs, comparison: plain C++.
std::string_view export_tensors_text();
// Tensor maps, launches, timing. Reads nothing but its arguments.
std::string_view export_host_text();

// `Errors check_outputs(const std::vector<Tensor>&)` of one operation; its constants stand in front, in the
// namespace `problem`.
std::string_view export_gemm_text();
std::string_view export_softmax_text();
std::string_view export_attention_text();
// The same where there is no reference.
std::string_view export_program_text();

// The text of the operation's check with its constants.
std::string export_reference(const Problem& problem, const Config& config);

}  // namespace warpfinch
