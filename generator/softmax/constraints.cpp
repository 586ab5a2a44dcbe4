// What a row tile needs.
#include "generator/constraints.hpp"

#include "generator/softmax/config.hpp"

namespace warpfinch {
namespace {

Reason registers_violated(const Softmax&, const SoftmaxConfig& c, const Target& target) {
  const int row_tile = c.column_tile / 2;  // 16 rows over 32 threads
  const int need = row_tile + kOtherRegisters;
  if (need <= target.max_registers_per_thread) return {};
  return fmt::format("needs {} registers per thread (row tile {}, others {}), a thread has {}", need,
                     row_tile, kOtherRegisters, target.max_registers_per_thread);
}

}  // namespace

const Constraints<SoftmaxConfig>& SoftmaxConfig::constraints() {
  static const Constraints<SoftmaxConfig> all{
      {"registers", "a row tile fits into a thread's registers", registers_violated}};
  return all;
}

}  // namespace warpfinch
