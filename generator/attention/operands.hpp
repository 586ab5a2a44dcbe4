// How attention's operands get into shared memory, for the constraints that depend on it.
#pragma once

#include "generator/attention/config.hpp"
#include "generator/lower/register_budget.hpp"

namespace warpfinch {

// The field that keeps an operand from the copy engine, as text; nothing where none does.
Reason q_path_taken(const AttentionConfig& config);
Reason kv_path_taken(const AttentionConfig& config);

// What divides the registers between the roles: consumers, blocks, and who brings q, k and v.
lower::RoleShares shares_of(const AttentionForward& problem, const AttentionConfig& config,
                            const Target& target);

}  // namespace warpfinch
