// The host side of an exported file, as the C++ that it is. Internal to runtime/.
#pragma once

#include <string_view>

namespace warpfinch {

// Tensors, random inputs, tensor maps, launches, timing. Reads nothing but its arguments.
std::string_view export_host_text();

// `Errors check_outputs(const std::vector<Tensor>&)` of one operation; its constants stand in front, in the
// namespace `problem`.
std::string_view export_gemm_text();
std::string_view export_softmax_text();
std::string_view export_attention_text();
// The same where there is no reference.
std::string_view export_program_text();

}  // namespace warpfinch
