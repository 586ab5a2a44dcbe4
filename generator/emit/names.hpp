// How the IR's names and expressions are spelled in CUDA.
#pragma once

#include <string>

#include "generator/emit/emit.hpp"
#include "generator/ir/program.hpp"

namespace warpfinch::emit {

bool is_tma(const ir::Op& op);
// The signature's parameter through which a load or store reaches its param.
KernelParameter parameter_of(const ir::Program& program, const ir::Op& op, const Target& target);
// `q_map`, or with a number where a param has several boxes; `q_data` for a pointer.
std::string parameter_name(const std::vector<KernelParameter>& parameters, const KernelParameter& parameter);

// Rows of a shared operand: of a warpgroup's or a warp's slice, or all of them.
int64_t slice_rows(const ir::Operand& operand, int64_t all, const Target& target);
// An integer expression; a symbol that C++ or the templates use otherwise gets a trailing underscore.
std::string spell(const ir::Expr& expr);
std::string spell_symbol(const std::string& name);
std::string spell_number(double number);
// `s_tile`, `sum_rows`, `bias_columns`, `k_ring`, `o_shared`, `lse_global`.
std::string spell_tensor(const ir::Program& program, ir::Space space, const std::string& name);
// The C++ type of a declared tensor.
std::string spell_type(const ir::Program& program, const ir::Tensor& tensor);

}  // namespace warpfinch::emit
