// What makes a config impossible before anything is generated: arithmetic on its numbers and the target's.
// A constraint says yes rather than no when it is in doubt; the lowering and ptxas have the last word.
#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>

#include "generator/builders.hpp"
#include "generator/config_space.hpp"
#include "generator/fp32.hpp"
#include "generator/lower/balance.hpp"
#include "generator/lower/register_budget.hpp"
#include "generator/lower/tensors.hpp"

namespace warpfinch {
namespace {

using Reason = std::optional<std::string>;

constexpr int kWarpgroup = 128;        // threads
constexpr int kRowsPerWarpgroup = 64;  // of one wgmma
constexpr int kSwizzleRows = 8;        // after which its pattern repeats
constexpr int kBarrierRoom = 1024;     // mbarriers, and the alignment of swizzled tiles
constexpr int kOtherRegisters = 30;    // addresses, row state, loop (measured from ptxas, all orders)
// The same where a tile holds the exponentials that are else on their way (measured from ptxas, s1 with r2).
constexpr int kOthersBesideExponentials = 16;
constexpr int kRegisterSlack = 8;  // ptxas at times does better than the estimate

int consumers_of(const KernelConfig& config) {
  if (const auto* attention = std::get_if<AttentionConfig>(&config)) return attention->consumers;
  if (const auto* gemm = std::get_if<GemmConfig>(&config)) return gemm->consumers;
  return 0;
}

// --- values -------------------------------------------------------------------------------------------
Reason consumers_violated(const Problem&, const KernelConfig& config, const Target& target) {
  if (std::holds_alternative<SoftmaxConfig>(config)) return {};
  const int consumers = consumers_of(config);
  const int most = std::min(4, target.max_threads_per_block / kWarpgroup - 1);
  if (consumers >= 1 && consumers <= most) return {};
  return fmt::format("consumers={}: a block has 1 to {} consumer warpgroups beside its producer", consumers,
                     most);
}

Reason tile_violated(std::string_view name, int value, int step, int most) {
  if (value >= step && value <= most && value % step == 0) return {};
  return fmt::format("{}={}: must be a multiple of {} from {} to {}", name, value, step, step, most);
}

Reason tiles_violated(const Problem&, const KernelConfig& config, const Target&) {
  if (const auto* c = std::get_if<AttentionConfig>(&config))
    return tile_violated("key_tile", c->key_tile, 16, 256);
  if (const auto* c = std::get_if<SoftmaxConfig>(&config)) {
    if (Reason reason = tile_violated("warps", c->warps, 1, 32)) return reason;
    return tile_violated("column_tile", c->column_tile, 16, 65536);
  }
  const auto& c = std::get<GemmConfig>(config);
  if (Reason reason = tile_violated("n_tile", c.n_tile, 8, 256)) return reason;
  return tile_violated("k_tile", c.k_tile, 16, 256);
}

Reason count_violated(std::string_view name, int value, int most) {
  if (value >= 1 && value <= most) return {};
  return fmt::format("{}={}: must be 1 to {}", name, value, most);
}

Reason counts_violated(const Problem&, const KernelConfig& config, const Target&) {
  constexpr int kMostStages = 32;  // two mbarriers each: 512 of the bytes set aside for barriers
  if (const auto* c = std::get_if<AttentionConfig>(&config)) {
    constexpr int kMostBlocks = 8, kMostStageTiles = 4;
    if (Reason reason = count_violated("blocks", c->blocks, kMostBlocks)) return reason;
    if (Reason reason = count_violated("stage_tiles", c->stage_tiles, kMostStageTiles)) return reason;
    if (Reason reason = count_violated("k_stages", c->k_stages, kMostStages)) return reason;
    return count_violated("v_stages", c->v_stages, kMostStages);
  }
  const auto* c = std::get_if<GemmConfig>(&config);
  if (!c) return {};
  if (Reason reason = count_violated("stages", c->stages, kMostStages)) return reason;
  return count_violated("group", c->group, 65536);
}

Reason baton_violated(const Problem&, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->baton == Baton::none || c->consumers >= 2) return {};
  return fmt::format("baton={} needs at least 2 consumers to take turns, consumers={}",
                     value_to_text(c->baton), c->consumers);
}

// The last trip leaves the loop in its middle; behind a left edge's loop of its own it could be anyone's.
Reason order_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->order != Order::s7 || c->mask_loop == MaskLoop::branch) return {};
  if (!band(*attention(problem)).first) return {};
  return "order=s7 with a window's left edge needs mask_loop=branch";
}

Reason tile_order_violated(const Problem&, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<SoftmaxConfig>(&config);
  if (!c || c->tile_order != TileOrder::dynamic) return {};
  return fmt::format(
      "tile_order=dynamic needs a producer that claims the tiles; the {} warps of softmax have none",
      c->warps);
}

bool has_lists(const KernelConfig& config) {
  return std::visit([](const auto& c) { return c.tile_order == TileOrder::balanced; }, config);
}

// Lists are worth their place where tiles differ in length, and there are not so many that it does not show.
Reason lists_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  if (!has_lists(config)) return {};
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || !row_tiles_differ(*attention(problem)))
    return "tile_order=balanced is for attention under a mask with one edge; here all tiles are equally long";
  const int64_t tiles = row_tile_count(*attention(problem), *c);
  if (tiles <= lower::kMostListed) return {};
  return fmt::format("tile_order=balanced lists {} tiles, at most {}", tiles, lower::kMostListed);
}

// --- rows and keys of a block --------------------------------------------------------------------------
Reason packing_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || !c->pack_gqa) return {};
  const AttentionFields& f = *attention(problem);
  // The LSE of packed rows would have two strides along its innermost axis, which no copy knows.
  if (f.lse && f.q_len > 1)
    return fmt::format(
        "pack_gqa=true writes the LSE of one query per head, there are {}: without it, or lse=false",
        f.q_len);
  if (f.q_heads > f.kv_heads) return {};
  return fmt::format("pack_gqa=true wants several query heads per KV head, there are {} and {}", f.q_heads,
                     f.kv_heads);
}

Reason splits_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  constexpr int kMostSplits = 256;
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c) return {};
  if (Reason reason = count_violated("kv_splits", c->kv_splits, kMostSplits)) return reason;
  const int64_t trip = int64_t{c->key_tile} * c->stage_tiles;
  const int64_t tiles = (attention(problem)->kv_len + trip - 1) / trip;
  const int64_t tiles_per_split = split_keys(*attention(problem), *c) / trip;
  if (tiles_per_split * (c->kv_splits - 1) < tiles) return {};
  return fmt::format("kv_splits={}: {} key tiles in splits of {} leave the last split without keys",
                     c->kv_splits, tiles, tiles_per_split);
}

// Own bounds of a warpgroup are kept by branches; turns are uneven there, and taken only in a loop in front.
Reason extents_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->extents == Extents::block) return {};
  const Band visible = band(*attention(problem));
  if (!visible.last)
    return fmt::format(
        "extents=warpgroup needs a mask that ends the rows; each of the {} warpgroups sees all keys",
        c->consumers);
  if (c->mask_loop == MaskLoop::branch && c->baton == Baton::none) return {};
  if (c->mask_loop == MaskLoop::split && !visible.first) return {};
  return fmt::format(
      "extents=warpgroup with {} warpgroups needs mask_loop=branch and baton=none{}, it has {} and {}",
      c->consumers, visible.first ? "" : ", or mask_loop=split", value_to_text(c->mask_loop),
      value_to_text(c->baton));
}

// The loop of a window's left edge would have to end in the middle of a stage.
Reason stage_tiles_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->stage_tiles == 1) return {};
  const int staged = c->key_tile * c->stage_tiles;
  if (staged > lower::kMaxBoxRows)
    return fmt::format("a stage of {} keys: a copy brings at most {}", staged, lower::kMaxBoxRows);
  if (c->mask_loop == MaskLoop::branch || !band(*attention(problem)).first) return {};
  return fmt::format("stage_tiles={} with a window's left edge needs mask_loop=branch", c->stage_tiles);
}

// A second Q is for the row tile after this one, and O must not stand in the way of it.
Reason q_stages_violated(const Problem&, const KernelConfig& config, const Target&) {
  constexpr int kMostStages = 2;
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c) return {};
  if (Reason reason = count_violated("q_stages", c->q_stages, kMostStages)) return reason;
  if (c->q_stages == 1 || (c->tile_order != TileOrder::flat && c->staging != Staging::over_q)) return {};
  return fmt::format("q_stages={} needs persistent blocks and O apart from Q, it has {} and staging={}",
                     c->q_stages, value_to_text(c->tile_order), value_to_text(c->staging));
}

// Beside the softmax of s0 and s7 no product runs that anything could be held in front of; what r3 asks of
// the sums holds them there, and so do turns around the exponentials.
Reason settle_violated(const Problem&, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->settle == Settle::sums) return {};
  if (c->order == Order::s1 && c->settle == Settle::none && c->reference == Reference::r3)
    return "settle=none is what settle=sums is with reference=r3, whose check holds the sums";
  if (c->order == Order::s1 && c->baton == Baton::exponentials)
    return fmt::format(
        "settle={} is what settle=sums is with baton=exponentials: {} warpgroups' turns hold both",
        value_to_text(c->settle), c->consumers);
  if (c->order == Order::s1) return {};
  return fmt::format("settle={} needs order=s1, where a product runs beside the softmax",
                     value_to_text(c->settle));
}

// Groups are for walks that would go through all heads, and are whole.
Reason head_group_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->head_group == 0) return {};
  if (!row_tiles_differ(*attention(problem)))
    return fmt::format("head_group={} is for a mask with one edge; here one head's tiles follow each other",
                       c->head_group);
  if (c->tile_order == TileOrder::balanced)
    return fmt::format("head_group={} is no order within the lists of tile_order=balanced", c->head_group);
  const int64_t heads = row_tiles(*attention(problem), *c).heads;
  if (c->head_group > 0 && heads % c->head_group == 0) return {};
  return fmt::format("head_group={} does not divide the {} heads", c->head_group, heads);
}

// Only registers are multiplied, and by no more than 1, so that Q stays in its type.
Reason scale_q_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || !c->scale_q) return {};
  if (c->q_in != QueryPlace::registers)
    return fmt::format("scale_q=true multiplies Q in registers, it has q_in={}", value_to_text(c->q_in));
  const float scale = exponent_factor(effective_scale(*attention(problem)));
  if (scale <= 1) return {};
  return fmt::format("scale_q=true: Q times {} may not be finite any more", scale);
}

// Powers of two, so that the elements lie evenly.
Reason polynomial_violated(const Problem&, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  const auto shares = {0, 1, 2, 4, 8};
  if (!c || std::find(shares.begin(), shares.end(), c->polynomial) != shares.end()) return {};
  return fmt::format("polynomial={}: of every 16 exponentials {}", c->polynomial, fmt::join(shares, ", "));
}

// The field that keeps an operand from the copy engine, as text; nothing where none does.
Reason own_path_taken(std::string_view name, OwnCopyPath own, CopyPath all) {
  if (own_path(own, all) == CopyPath::automatic) return {};
  if (own == OwnCopyPath::same) return fmt::format("copy={}", value_to_text(all));
  return fmt::format("{}={}", name, value_to_text(own));
}
Reason q_path_taken(const AttentionConfig& c) { return own_path_taken("q_copy", c.q_copy, c.copy); }
Reason kv_path_taken(const AttentionConfig& c) { return own_path_taken("kv_copy", c.kv_copy, c.copy); }

// A cap that a tile's rows are no multiple of would be a lower one.
Reason swizzle_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->swizzle == SwizzleCap::widest) return {};
  const AttentionFields& f = *attention(problem);
  const int64_t span = c->swizzle == SwizzleCap::bytes64 ? 64 : 32;
  for (const int64_t columns : {f.head_dim, effective_value_dim(f)})
    if (const int64_t row = columns * size_of(f.dtype); row % span != 0)
      return fmt::format("swizzle={}: rows of {} columns have {} bytes, no multiple of {}", span, columns,
                         row, span);
  return {};
}

// Hints are given to the copy engine.
Reason cache_violated(const Problem&, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->cache == Cache::none) return {};
  Reason path = c->cache != Cache::qo_first ? kv_path_taken(*c) : std::nullopt;
  if (!path && c->cache != Cache::kv_last) path = q_path_taken(*c);
  if (!path) return {};
  return fmt::format("cache={} is a hint to the copy engine, which {} does without", value_to_text(c->cache),
                     *path);
}

// What the copy engine does not bring cannot be multicast; of k and v, where these are named.
Reason multicast_violated(const AttentionFields& fields, const AttentionConfig& c) {
  if (const Reason path = kv_path_taken(c))
    return fmt::format(
        "cluster={} has the copy engine bring K and V to {} blocks at once, which {} does without", c.cluster,
        c.cluster, *path);
  const std::vector<Buffer> user = buffers(AttentionForward{fields});
  for (size_t i : {1, 2})
    if (const ir::Tensor tensor = param(user[i]); !lower::tma_can_move(tensor))
      return fmt::format(
          "cluster={} has the copy engine bring {} to {} blocks at once, but not with strides "
          "of [{}] elements",
          c.cluster, user[i].name, c.cluster, fmt::join(user[i].strides, ", "));
  return {};
}

Reason cluster_violated(const Problem& problem, const KernelConfig& config, const Target&) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  if (!c || c->cluster == 1) return {};
  if (c->cluster != 2 && c->cluster != 4) return fmt::format("cluster={}: must be 1, 2 or 4", c->cluster);
  if (c->tile_order == TileOrder::dynamic || c->tile_order == TileOrder::balanced)
    return fmt::format(
        "cluster={} wants tile_order=flat or static: each of its {} blocks would {} of its own", c->cluster,
        c->cluster, c->tile_order == TileOrder::dynamic ? "claim a tile" : "have a list");
  const AttentionFields& fields = *attention(problem);
  const int64_t rows = row_tiles(fields, *c).rows, m_tile = int64_t{kRowsPerWarpgroup} * c->consumers;
  if (rows <= m_tile * (c->cluster - 1))
    return fmt::format("cluster={} wants as many row tiles: {} rows in tiles of {} are {}", c->cluster, rows,
                       m_tile, (rows + m_tile - 1) / m_tile);
  const int staged = c->key_tile * c->stage_tiles;
  if (staged % (kSwizzleRows * c->cluster) != 0)
    return fmt::format(
        "cluster={}: a stage of {} keys comes in {} equal parts of whole swizzles, {} keys each", c->cluster,
        staged, c->cluster, kSwizzleRows);
  return multicast_violated(fields, *c);
}

// --- shared memory ------------------------------------------------------------------------------------
Reason bytes_violated(int64_t bytes, const std::string& of, int64_t most) {
  if (bytes <= most) return {};
  return fmt::format("needs {} KB of shared memory ({}), a block has {} KB", (bytes + 1023) / 1024, of,
                     most / 1024);
}

// O leaves through the buffer of Q, or one of its own.
Reason attention_shared(const AttentionFields& f, const AttentionConfig& c, const Target& target) {
  const auto tile = [&](int64_t rows, int64_t columns) {
    return lower::aligned_bytes(size_of(f.dtype) * rows * columns);
  };
  const int64_t dim = f.head_dim, value_dim = effective_value_dim(f);
  const int64_t rows = kRowsPerWarpgroup * c.consumers, staged = int64_t{c.key_tile} * c.stage_tiles;
  const bool own = c.staging == Staging::own, apart = c.staging != Staging::over_q;
  const int64_t q = c.q_stages * tile(rows, apart ? dim : std::max(dim, value_dim)),
                o = own ? tile(rows, value_dim) : 0;
  const int64_t k = c.k_stages * tile(staged, dim), v = c.v_stages * tile(staged, value_dim);
  const int64_t p = c.p_in == WeightPlace::shared ? tile(rows, c.key_tile) : 0;
  const int64_t walk =
      lower::walk_bytes(c.tile_order == TileOrder::dynamic, first_tile_decides(c.reference));
  const int64_t barriers = 2 * lower::kBarrierBytes * (c.q_stages + c.k_stages + c.v_stages) + walk;
  const std::string claims = c.tile_order == TileOrder::dynamic ? fmt::format(", claims {} bytes", walk) : "";
  const std::string weights = p > 0 ? fmt::format("p {} KB, ", p / 1024) : "";
  return bytes_violated(q + k + v + p + o + std::max<int64_t>(kBarrierRoom, barriers),
                        fmt::format("q {} KB, k {} KB, v {} KB, {}o {} KB, barriers 1 KB{}", q / 1024,
                                    k / 1024, v / 1024, weights, o / 1024, claims),
                        lower::shared_limit(target, c.blocks));
}

// Staging of C is no must: without room for it the generator stores C from registers.
Reason gemm_shared(const Gemm& gemm, const GemmConfig& c, const Target& target) {
  const int64_t rows = kRowsPerWarpgroup * c.consumers;
  const int64_t ring = int64_t{size_of(gemm.dtype)} * c.stages * (rows + c.n_tile) * c.k_tile;
  return bytes_violated(ring + kBarrierRoom, fmt::format("ring {} KB, barriers 1 KB", ring / 1024),
                        target.shared_bytes_per_block);
}

Reason shared_memory_violated(const Problem& problem, const KernelConfig& config, const Target& target) {
  if (const auto* c = std::get_if<AttentionConfig>(&config)) {
    const AttentionFields* fields = attention(problem);
    assert(fields);
    return attention_shared(*fields, *c, target);
  }
  if (const auto* c = std::get_if<GemmConfig>(&config))
    return gemm_shared(std::get<Gemm>(problem), *c, target);
  return {};
}

// --- registers ----------------------------------------------------------------------------------------
// Of a thread of a consumer: 240, 240, 160, 112 on sm_90a, where the copy engine brings the tiles.
Reason consumer_need_violated(int need, const std::string& of, const lower::RoleShares& shares,
                              const Target& target) {
  const lower::RegisterBudget budget = lower::register_budget(shares, target);
  const int64_t has = budget.producer > 0 ? budget.consumer : lower::kMostOfConsumer;
  if (need <= has + kRegisterSlack) return {};
  return fmt::format("needs {} registers per thread ({}), {} consumer warpgroups have {}", need, of,
                     shares.consumers, has);
}

// ptxas places a wgmma's operands within the launch's allotment, whatever setmaxnreg adds later (C7602).
// What ptxas 13.0 asks beside the N / 2 sums of m64nN: with both factors in shared memory, or one in
// registers.
constexpr int kBesideSums = 26, kBesideSumsAndFactor = 30;
Reason instruction_violated(int columns, int beside, int consumers, int blocks, const Target& target) {
  const int64_t need = columns / 2 + beside, has = launch_registers((consumers + 1) * kWarpgroup, blocks, target);
  if (need <= has) return {};
  return fmt::format("a wgmma of {} columns needs {} registers, the launch allots {} to a thread", columns,
                     need, has);
}

// Who brings q, k and v. What cp.async cannot take goes by ld, of which the pass knows.
lower::Copier copier_of(const AttentionFields& fields, const AttentionConfig& c) {
  const auto of = [](CopyPath path, const ir::Tensor& tensor) {
    if (path == CopyPath::cp_async) return lower::Copier::async;
    const bool engine = path == CopyPath::automatic && lower::tma_can_move(tensor);
    return engine ? lower::Copier::engine : lower::Copier::threads;
  };
  const std::vector<Buffer> user = buffers(AttentionForward{fields});
  const CopyPath keys = own_path(c.kv_copy, c.copy);
  return std::max({of(own_path(c.q_copy, c.copy), row_tiles_param(user[0], row_tiles(fields, c))),
                   of(keys, param(user[1])), of(keys, param(user[2]))});
}

lower::RoleShares shares_of(const AttentionFields& fields, const AttentionConfig& c) {
  return {c.consumers, c.blocks, copier_of(fields, c), c.producer_regs};
}

Reason attention_registers(const AttentionFields& fields, const AttentionConfig& c, const Target& target) {
  const bool stored = c.p_in == WeightPlace::shared;
  const int s = c.key_tile / 2, p = stored ? 0 : c.key_tile / 4;  // P is packed, two to a register
  const int value_dim = static_cast<int>(effective_value_dim(fields)), o = value_dim / 2;
  const bool held = c.q_in == QueryPlace::registers;
  const int q = held ? static_cast<int>(fields.head_dim) / 4 : 0;  // packed like P
  if (Reason reason = instruction_violated(c.key_tile, held ? kBesideSumsAndFactor : kBesideSums, c.consumers,
                                           c.blocks, target))
    return reason;
  if (Reason reason = instruction_violated(value_dim, stored ? kBesideSums : kBesideSumsAndFactor,
                                           c.consumers, c.blocks, target))
    return reason;
  // With s1 a product still reads P when speculative exponentials are taken, so that all of them stand beside
  // S, and so they do where P is stored when all have voted; else they go into P one by one.
  const bool beside = c.reference == Reference::r2 && (c.order == Order::s1 || stored);
  const int e = beside ? s : 0, others = beside ? kOthersBesideExponentials : kOtherRegisters;
  return consumer_need_violated(
      s + p + o + q + e + others,
      fmt::format("S {}, P {}, O {}, {}{}others {}", s, p, o, held ? fmt::format("Q {}, ", q) : "",
                  beside ? fmt::format("exponentials beside S {}, ", e) : "", others),
      shares_of(fields, c), target);
}

Reason producer_regs_violated(const Problem& problem, const KernelConfig& config, const Target& target) {
  const auto* c = std::get_if<AttentionConfig>(&config);
  const auto values = {0, 24, 32, 40, 56};
  if (!c) return {};
  if (std::find(values.begin(), values.end(), c->producer_regs) == values.end())
    return fmt::format("producer_regs={}: must be one of {}", c->producer_regs, fmt::join(values, ", "));
  return lower::why_not_kept(shares_of(*attention(problem), *c), target);
}

Reason registers_violated(const Problem& problem, const KernelConfig& config, const Target& target) {
  if (const auto* c = std::get_if<AttentionConfig>(&config))
    return attention_registers(*attention(problem), *c, target);
  if (const auto* c = std::get_if<GemmConfig>(&config)) {
    if (auto violated = instruction_violated(c->n_tile, kBesideSums, c->consumers, 1, target))
      return violated;
    return consumer_need_violated(c->n_tile / 2 + kOtherRegisters,
                                  fmt::format("C {}, others {}", c->n_tile / 2, kOtherRegisters),
                                  {.consumers = c->consumers}, target);
  }
  const int x = std::get<SoftmaxConfig>(config).column_tile / 2;  // 16 rows over 32 threads
  if (x + kOtherRegisters <= target.max_registers_per_thread) return {};
  return fmt::format("needs {} registers per thread (row tile {}, others {}), a thread has {}",
                     x + kOtherRegisters, x, kOtherRegisters, target.max_registers_per_thread);
}

// Whether the config's kernels are those of the problem's plan.
bool fits_plan(const Problem& problem, const Config& config) {
  const Config form = default_config(problem);
  return std::equal(form.kernels.begin(), form.kernels.end(), config.kernels.begin(), config.kernels.end(),
                    [](const KernelConfig& a, const KernelConfig& b) { return a.index() == b.index(); });
}

}  // namespace

const std::vector<Constraint>& constraints() {
  static const std::vector<Constraint> all{
      {"consumers", "a block has 1 to 4 consumer warpgroups beside its producer", consumers_violated},
      {"tiles",
       "tile sizes are what the matrix instruction takes: key_tile and k_tile in steps of 16, n_tile of 8",
       tiles_violated},
      {"counts", "rings have at least one stage, groups at least one tile", counts_violated},
      {"baton", "a baton has at least two consumers to take turns", baton_violated},
      {"order", "a loop that is left in its middle branches around a window's left edge", order_violated},
      {"tile_order", "tiles are claimed where there is a producer", tile_order_violated},
      {"head_group", "heads are walked in whole groups, where all would be", head_group_violated},
      {"lists", "tiles that differ in length are listed, while they are few", lists_violated},
      {"extents",
       "warpgroups with bounds of their own branch around masks, and take turns only in a loop in front",
       extents_violated},
      {"stage_tiles", "stages of several key tiles branch around a window's left edge", stage_tiles_violated},
      {"q_stages", "a second Q is for persistent blocks that stage O apart", q_stages_violated},
      {"settle", "arithmetic is held beside a product where one runs", settle_violated},
      {"scale_q", "Q is scaled in registers, and never grows", scale_q_violated},
      {"polynomial", "the exponentials that are left to a polynomial lie evenly among all",
       polynomial_violated},
      {"packing", "heads are packed where several share a KV head", packing_violated},
      {"splits", "every split of the keys has keys", splits_violated},
      {"cache", "hints to L2 go with copies by the copy engine", cache_violated},
      {"swizzle", "rows of Q, K, V and O are whole panels", swizzle_violated},
      {"cluster", "blocks of a cluster bring equal parts of every stage of K and V, by the copy engine",
       cluster_violated},
      {"producer_regs", "a producer keeps no more than the launch allots, and no less than it needs",
       producer_regs_violated},
      {"shared_memory", "the tiles, their rings and the barriers fit into a block's shared memory",
       shared_memory_violated},
      {"registers",
       "the accumulators fit into the registers that a consumer gets from the launch's allotment",
       registers_violated}};
  return all;
}

std::optional<Rejection> check(const Problem& problem, const Config& config, const Target& target) {
  if (!fits_plan(problem, config))
    return Rejection{"config", fmt::format("the config's kernels are not those of {}: {}", operation(problem),
                                           to_text(default_config(problem)))};
  const std::vector<Problem> parts = kernel_problems(problem);
  for (size_t i = 0; i < parts.size(); ++i)
    for (const Constraint& constraint : constraints())
      if (Reason reason = constraint.violated(parts[i], config.kernels[i], target)) {
        const std::string where =
            parts.size() == 1 ? "" : fmt::format("kernel {} ({}): ", i, operation(parts[i]));
        return Rejection{"config", where + *reason};
      }
  return std::nullopt;
}

}  // namespace warpfinch
