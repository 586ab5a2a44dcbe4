#include "generator/attention/operands.hpp"

#include <algorithm>

#include "generator/builders.hpp"
#include "generator/lower/tensors.hpp"

namespace warpfinch {
namespace {

Reason own_path_taken(std::string_view name, OwnCopyPath own, CopyPath all) {
  if (own_path(own, all) == CopyPath::automatic) return {};
  if (own == OwnCopyPath::same) return fmt::format("copy={}", value_to_text(all));
  return fmt::format("{}={}", name, value_to_text(own));
}

// The pass copy_paths falls back to ld where cp.async cannot take an operand; that is not known here yet.
lower::Copier copier_of(CopyPath path, const ir::Tensor& tensor, const Target& target) {
  const bool no_engine = path == CopyPath::automatic && !target.tma;
  if (path == CopyPath::cp_async || no_engine) return lower::Copier::async;
  const bool engine = path == CopyPath::automatic && lower::tma_can_move(tensor);
  return engine ? lower::Copier::engine : lower::Copier::threads;
}

}  // namespace

Reason q_path_taken(const AttentionConfig& c) { return own_path_taken("q_copy", c.q_copy, c.copy); }
Reason kv_path_taken(const AttentionConfig& c) { return own_path_taken("kv_copy", c.kv_copy, c.copy); }

lower::RoleShares shares_of(const AttentionForward& f, const AttentionConfig& c, const Target& target) {
  const std::vector<Buffer> user = buffers(f);
  const CopyPath queries = own_path(c.q_copy, c.copy), keys = own_path(c.kv_copy, c.copy);
  const lower::Copier copier =
      std::max({copier_of(queries, row_tiles_param(user[0], row_tiles(f, c)), target),
                copier_of(keys, param(user[1]), target), copier_of(keys, param(user[2]), target)});
  return {c.consumer_warpgroups, c.ctas_per_sm, copier, c.producer_regs};
}

}  // namespace warpfinch
