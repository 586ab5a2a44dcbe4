// The schedule of fused attention. Every field is a row of genes.cpp, which says what it and its values mean.
#pragma once

#include "generator/attention/problem.hpp"
#include "generator/genes.hpp"
#include "generator/kernel_choices.hpp"

namespace warpfinch {

enum class Order { pv_first, qk_first, softmax_first };
template <>
struct EnumNames<Order> {
  static constexpr std::array<std::string_view, 3> names{"pv_first", "qk_first", "softmax_first"};
  static constexpr std::array<std::string_view, 3> former{"s0", "s1", "s7"};
};

enum class Pingpong { none, issue, exponentials };
template <>
struct EnumNames<Pingpong> {
  static constexpr std::array<std::string_view, 3> names{"none", "issue", "exponentials"};
};

enum class MaxPolicy { always, conditional, speculative, sum_guard, first_tile };
template <>
struct EnumNames<MaxPolicy> {
  static constexpr std::array<std::string_view, 5> names{"always", "conditional", "speculative", "sum_guard",
                                                         "first_tile"};
  static constexpr std::array<std::string_view, 5> former{"r0", "r1", "r2", "r3", "r4"};
};
// Does the first tile alone decide about the maximum?
constexpr bool first_tile_decides(MaxPolicy policy) {
  return policy == MaxPolicy::sum_guard || policy == MaxPolicy::first_tile;
}

enum class MaskLoop { split, branch };
template <>
struct EnumNames<MaskLoop> {
  static constexpr std::array<std::string_view, 2> names{"split", "branch"};
};

// The copy path of one operand, if it differs from the kernel's.
enum class OwnCopyPath { same, automatic, ld, cp_async };
template <>
struct EnumNames<OwnCopyPath> {
  static constexpr std::array<std::string_view, 4> names{"same", "auto", "ld", "cp_async"};
};
constexpr CopyPath own_path(OwnCopyPath own, CopyPath all) {
  return own == OwnCopyPath::same ? all : static_cast<CopyPath>(static_cast<int>(own) - 1);
}

enum class SwizzleCap { widest, bytes64, bytes32 };
template <>
struct EnumNames<SwizzleCap> {
  static constexpr std::array<std::string_view, 3> names{"widest", "64", "32"};
};

enum class Staging { over_q, own, none };
template <>
struct EnumNames<Staging> {
  static constexpr std::array<std::string_view, 3> names{"over_q", "own", "none"};
};

enum class QueryPlace { shared, registers };
template <>
struct EnumNames<QueryPlace> {
  static constexpr std::array<std::string_view, 2> names{"shared", "registers"};
};

enum class WeightPlace { registers, shared };
template <>
struct EnumNames<WeightPlace> {
  static constexpr std::array<std::string_view, 2> names{"registers", "shared"};
};

enum class Cache { none, keep_kv, kv_last, qo_first };
template <>
struct EnumNames<Cache> {
  static constexpr std::array<std::string_view, 4> names{"none", "keep_kv", "kv_last", "qo_first"};
};

enum class Extents { block, warpgroup };
template <>
struct EnumNames<Extents> {
  static constexpr std::array<std::string_view, 2> names{"block", "warpgroup"};
};

enum class Pin { sums, exponentials, none };
template <>
struct EnumNames<Pin> {
  static constexpr std::array<std::string_view, 3> names{"sums", "exponentials", "none"};
};

struct AttentionConfig {
  static constexpr std::string_view kName = "attention";
  using Computes = AttentionForward;
  int consumer_warpgroups = 2;
  int key_tile = 128;
  int k_stages = 2, v_stages = 2;
  Order order = Order::qk_first;
  Pingpong pingpong = Pingpong::none;
  MaxPolicy max_policy = MaxPolicy::always;
  TileOrder tile_order = TileOrder::flat;
  MaskLoop mask_loop = MaskLoop::split;
  CopyPath copy = CopyPath::automatic;
  Staging staging = Staging::over_q;
  Extents extents = Extents::block;
  int ctas_per_sm = 1;
  int stage_tiles = 1;
  bool pack_gqa = false;
  int kv_splits = 1;
  int q_stages = 1;
  Pin pin = Pin::sums;
  QueryPlace q_in = QueryPlace::shared;
  Cache cache = Cache::none;
  int head_group = 0;
  WeightPlace p_in = WeightPlace::registers;
  bool scale_q = false;
  int cluster = 1;
  int polynomial = 0;
  int producer_regs = 0;
  OwnCopyPath q_copy = OwnCopyPath::same, kv_copy = OwnCopyPath::same;
  SwizzleCap swizzle = SwizzleCap::widest;
  bool operator==(const AttentionConfig&) const = default;
  static const Genes<AttentionConfig>& genes();
  // Those that concern several genes.
  static const Constraints<AttentionConfig>& constraints();
};

// The parts that every kernel has (generator/config.hpp says what they are).
double kernel_us(const AttentionForward& problem, const AttentionConfig& config, const Target& target);
bool repeats_another(const AttentionForward& problem, const AttentionConfig& config);
bool rounds_scaled_q(const AttentionConfig& config);

}  // namespace warpfinch
