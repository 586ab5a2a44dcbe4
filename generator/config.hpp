// One point of the search space. The word is always "config". A plan of one kernel has one part and prints
// flat; a plan of several prints "gemm:{…} softmax:{…} gemm:{…}".
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "generator/fields.hpp"
#include "generator/problem.hpp"

namespace warpfinch {

// The order of the attention tile's body. s0: QK(i), wait, softmax(i), PV(i). s1: QK(i) and PV(i-1) issued
// together, softmax(i) runs beside PV(i-1). s7: the loop of s0 begins with the softmax: softmax(i), then
// PV(i) and QK(i+1) issued together, wait. Two key tiles a trip are stage_tiles=2 with either.
enum class Order { s0, s1, s7 };
template <>
struct EnumNames<Order> {
  static constexpr std::array<std::string_view, 3> names{"s0", "s1", "s7"};
};

// A turn-taking barrier among the consumer warpgroups: around the issue of the MMAs, or around the softmax's
// exponentials and their sums.
enum class Baton { none, issue, exponentials };
template <>
struct EnumNames<Baton> {
  static constexpr std::array<std::string_view, 3> names{"none", "issue", "exponentials"};
};

// The softmax reference. r0: the running maximum, O rescaled every tile. r1: raised only when a row of the
// warp grew by more than 8 in log2 units; O is rescaled under a warp vote. r2: speculative: exponentials
// under the old reference, whose sums tell a warp whether it has to raise it and to take them again; in bf16
// a row tile whose O left fp32 is done again with r0. r4: the first tile's maximum; at the end the block
// looks whether it fitted every row, and does the row tile again with r0 where it did not. r3: like r4, but a
// warp whose sums have grown large raises the reference by what they grew.
enum class Reference { r0, r1, r2, r3, r4 };
template <>
struct EnumNames<Reference> {
  static constexpr std::array<std::string_view, 5> names{"r0", "r1", "r2", "r3", "r4"};
};
// Does the first tile alone decide about the maximum?
constexpr bool first_tile_decides(Reference reference) {
  return reference == Reference::r3 || reference == Reference::r4;
}
// May a row tile have to be done again, with the policy that is right for every input? Where the first tile
// decides, and where speculation lets P grow so far that bf16 values may take O beyond fp32 with it.

// flat: one block per tile. static: persistent blocks that walk over the tiles. dynamic: persistent blocks
// that claim the next tile once the loads of the one before are issued. balanced: blocks with a list of tiles
// each, made up so that tiles of unequal length sum up alike.
enum class TileOrder { flat, persistent, dynamic, balanced };
template <>
struct EnumNames<TileOrder> {
  static constexpr std::array<std::string_view, 4> names{"flat", "static", "dynamic", "balanced"};
};

// How tiles that need the mask, or are done again where the first one decides (r3, r4), are told from those
// that do not: a loop of their own, or a uniform branch.
enum class MaskLoop { split, branch };
template <>
struct EnumNames<MaskLoop> {
  static constexpr std::array<std::string_view, 2> names{"split", "branch"};
};

// How operands get into shared memory. automatic: by the copy engine (TMA) where its alignment rules allow
// it, else as with ld: ld.global + st.shared by the producer's threads. cp_async: the producer's threads
// issue cp.async, 16 bytes each, where rows begin at multiples of that, else as with ld. Results leave by the
// copy engine but with ld.
enum class CopyPath { automatic, ld, cp_async };
template <>
struct EnumNames<CopyPath> {
  static constexpr std::array<std::string_view, 3> names{"auto", "ld", "cp_async"};
};

// The same of one operand: as `copy` says, or otherwise.
enum class OwnCopyPath { same, automatic, ld, cp_async };
template <>
struct EnumNames<OwnCopyPath> {
  static constexpr std::array<std::string_view, 4> names{"same", "auto", "ld", "cp_async"};
};
constexpr CopyPath own_path(OwnCopyPath own, CopyPath all) {
  return own == OwnCopyPath::same ? all : static_cast<CopyPath>(static_cast<int>(own) - 1);
}

// The widest swizzle of tiles in shared memory, in bytes: a narrower one makes more panels of shorter rows.
// widest: what divides a tile's rows.
enum class SwizzleCap { widest, bytes64, bytes32 };
template <>
struct EnumNames<SwizzleCap> {
  static constexpr std::array<std::string_view, 3> names{"widest", "64", "32"};
};

// Where results wait in shared memory for the copy engine: in the place of Q, or in one of their own, so that
// the next Q can come meanwhile. none: the threads store them from their registers.
enum class Staging { over_q, own, none };
template <>
struct EnumNames<Staging> {
  static constexpr std::array<std::string_view, 3> names{"over_q", "own", "none"};
};

// Where the first product reads Q: in shared memory, or in registers that each warpgroup fills once per row
// tile. Then every wgmma reads K alone from shared memory, and Q's place is free unless results wait there.
enum class QueryPlace { shared, registers };
template <>
struct EnumNames<QueryPlace> {
  static constexpr std::array<std::string_view, 2> names{"shared", "registers"};
};

// Where the second product reads P: in the registers that the exponentials leave it in, or in shared memory,
// where each warpgroup puts its own. Then wgmma reads both factors there.
enum class WeightPlace { registers, shared };
template <>
struct EnumNames<WeightPlace> {
  static constexpr std::array<std::string_view, 2> names{"registers", "shared"};
};

// What the copy engine asks of L2. none: nothing. keep_kv: keys and values, which other blocks read too, stay
// longest; queries and results, which pass once, go first. kv_last, qo_first: the one half of it alone.
enum class Cache { none, keep_kv, kv_last, qo_first };
template <>
struct EnumNames<Cache> {
  static constexpr std::array<std::string_view, 4> names{"none", "keep_kv", "kv_last", "qo_first"};
};

// How far a warpgroup walks along the keys of a masked problem: to the block's last visible key, or to its
// own, handing back unread what the others still need.
enum class Extents { block, warpgroup };
template <>
struct EnumNames<Extents> {
  static constexpr std::array<std::string_view, 2> names{"block", "warpgroup"};
};

// What is held in front of the wait for the PV product that runs beside the softmax, because ptxas would move
// it behind: the exponentials and their sums, the exponentials alone, or nothing. With r2 the check of the
// sums stands there anyway, so that `exponentials` adds nothing, and with r3 so that `none` would change
// nothing; the plain loop of r3 and r4 (mask_loop=split) always keeps the scores apart.
enum class Settle { sums, exponentials, none };
template <>
struct EnumNames<Settle> {
  static constexpr std::array<std::string_view, 3> names{"sums", "exponentials", "none"};
};

struct AttentionConfig {
  static constexpr std::string_view kName = "attention";
  int consumers = 2;  // warpgroups of 64 query rows
  int key_tile = 128;
  int k_stages = 2, v_stages = 2;
  Order order = Order::s1;
  Baton baton = Baton::none;
  Reference reference = Reference::r0;
  TileOrder tile_order = TileOrder::flat;
  MaskLoop mask_loop = MaskLoop::split;
  CopyPath copy = CopyPath::automatic;
  Staging staging = Staging::over_q;
  Extents extents = Extents::block;
  int blocks = 1;         // per multiprocessor
  int stage_tiles = 1;    // key tiles that a ring stage holds
  bool pack_gqa = false;  // the query heads of a KV head share row tiles, for few queries
  int kv_splits = 1;      // ranges of keys computed apart, and joined by a second kernel
  int q_stages = 1;       // 2: the next row tile's Q comes while this one is still being read
  Settle settle = Settle::sums;
  QueryPlace q_in = QueryPlace::shared;
  Cache cache = Cache::none;
  int head_group = 0;  // heads that are walked together under a mask with one edge, for L2; 0: all
  WeightPlace p_in = WeightPlace::registers;
  bool scale_q = false;  // the softmax scale goes into Q, which is rounded once more
  int cluster = 1;       // blocks with neighbouring row tiles that load keys and values once for all of them
  int polynomial = 0;    // of every 16 exponentials, how many the FMA pipe computes in place of the MUFU
  // Registers that a thread of the producer keeps; 0: the least that it needs, which leaves consumers most.
  int producer_regs = 0;
  OwnCopyPath q_copy = OwnCopyPath::same, kv_copy = OwnCopyPath::same;  // of Q; of K and V
  SwizzleCap swizzle = SwizzleCap::widest;
  bool operator==(const AttentionConfig&) const = default;
  static constexpr auto fields() {
    using C = AttentionConfig;
    return std::tuple{core("consumers", &C::consumers),
                      core("key_tile", &C::key_tile),
                      core("k_stages", &C::k_stages),
                      core("v_stages", &C::v_stages),
                      core("order", &C::order),
                      core("baton", &C::baton),
                      core("reference", &C::reference),
                      core("tile_order", &C::tile_order),
                      core("mask_loop", &C::mask_loop),
                      optional("copy", &C::copy),
                      optional("staging", &C::staging),
                      optional("extents", &C::extents),
                      optional("blocks", &C::blocks),
                      optional("stage_tiles", &C::stage_tiles),
                      optional("pack_gqa", &C::pack_gqa),
                      optional("kv_splits", &C::kv_splits),
                      optional("q_stages", &C::q_stages),
                      optional("settle", &C::settle),
                      optional("q_in", &C::q_in),
                      optional("cache", &C::cache),
                      optional("head_group", &C::head_group),
                      optional("p_in", &C::p_in),
                      optional("scale_q", &C::scale_q),
                      optional("cluster", &C::cluster),
                      optional("polynomial", &C::polynomial),
                      optional("producer_regs", &C::producer_regs),
                      optional("q_copy", &C::q_copy),
                      optional("kv_copy", &C::kv_copy),
                      optional("swizzle", &C::swizzle)};
  }
};

struct GemmConfig {
  static constexpr std::string_view kName = "gemm";
  int consumers = 2;  // warpgroups of 64 rows of C
  int n_tile = 128, k_tile = 64;
  int stages = 4;  // of the ring that holds A and B
  int group = 8;   // row tiles walked together, for L2
  TileOrder tile_order = TileOrder::flat;
  CopyPath copy = CopyPath::automatic;
  bool operator==(const GemmConfig&) const = default;
  static constexpr auto fields() {
    using C = GemmConfig;
    return std::tuple{core("consumers", &C::consumers), core("n_tile", &C::n_tile),
                      core("k_tile", &C::k_tile),       core("stages", &C::stages),
                      core("group", &C::group),         core("tile_order", &C::tile_order),
                      optional("copy", &C::copy)};
  }
};

struct SoftmaxConfig {
  static constexpr std::string_view kName = "softmax";
  int warps = 4;          // 16 rows each
  int column_tile = 128;  // columns that a warp holds in registers at a time
  TileOrder tile_order = TileOrder::flat;
  bool operator==(const SoftmaxConfig&) const = default;
  static constexpr auto fields() {
    using C = SoftmaxConfig;
    return std::tuple{core("warps", &C::warps), core("column_tile", &C::column_tile),
                      core("tile_order", &C::tile_order)};
  }
};

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
