// What attention's builders put together: the walk over the keys, packed heads, splits, and the copy path of
// each operand. Bounds are evaluated for every row tile and compared with the definition of the mask.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "generator/builders.hpp"
#include "generator/lower/tensors.hpp"
#include "tests/generator/arbitrary_problem.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// --- the walk over the keys -----------------------------------------------------------------------------
int64_t at(ir::Expr expr, const std::map<std::string, int64_t>& names) {
  for (const auto& [name, number] : names) expr = ir::substitute(expr, name, number);
  return ir::value(expr);
}

struct Walk {
  Band visible;
  int64_t queries, columns, group, tile;
  bool masks_columns = false;
};

bool sees(const Walk& walk, int64_t query, int64_t column) {
  return column < walk.columns && (!walk.visible.first || column >= query + *walk.visible.first) &&
         (!walk.visible.last || column <= query + *walk.visible.last);
}

// Does the kernel count the column for that query in the tile that begins at n? Its first tile runs with all
// masks.
bool counts(const Walk& walk, int64_t query, int64_t column, bool left, bool right) {
  if (left && walk.visible.first && column < query + *walk.visible.first) return false;
  if (right && walk.visible.last && column > query + *walk.visible.last) return false;
  return !(right && walk.masks_columns && column >= walk.columns);
}

// How often each column is counted for one query, over one range of the walk.
void count_columns(const Walk& walk, const ColumnBounds& bounds, const std::map<std::string, int64_t>& names,
                   int64_t query, std::vector<int>& counted) {
  const int64_t begin = at(bounds.begin, names), end = at(bounds.end, names);
  const int64_t from = at(bounds.unmasked_from, names), to = at(bounds.unmasked, names);
  RC_ASSERT(begin % walk.tile == 0 && begin >= 0 && begin < end);
  for (int64_t n = begin; n < end; n += walk.tile)
    for (int64_t column = n; column < n + walk.tile; ++column) {
      const bool left = n == begin || n < from, right = n == begin || n + walk.tile > to;
      if (!counts(walk, query, column, bounds.masked && left, bounds.masked && right)) continue;
      if (column >= static_cast<int64_t>(counted.size())) counted.resize(static_cast<size_t>(column) + 1);
      ++counted[static_cast<size_t>(column)];
    }
}

RC_GTEST_PROP(ColumnBounds, every_visible_column_is_counted_once_and_no_other, ()) {
  AttentionFields f{.q_len = *uniform(1, 150), .kv_len = *uniform(1, 300), .head_dim = 64};
  f.mask = arbitrary_enum<Mask>();
  if (*rc::gen::arbitrary<bool>()) f.window_left = *uniform(0, 200);
  if (*rc::gen::arbitrary<bool>()) f.window_right = *uniform(0, 200);
  f.q_heads = *uniform(1, 4);
  f = std::get<AttentionForward>(canonical(AttentionForward{f}));
  Walk walk{band(f), f.q_len, f.kv_len, *uniform<int64_t>(1, 5), 16 * *uniform<int64_t>(1, 5)};
  std::vector<ir::Op> masks;
  append_mask(masks, "s", walk.visible, walk.queries, walk.columns, walk.tile, ir::symbol("n"), walk.group);
  for (const ir::Op& mask : masks) walk.masks_columns |= mask.name == "mask_columns";
  const int64_t tiles = (walk.columns + walk.tile - 1) / walk.tile;
  const int64_t per_split = *uniform<int64_t>(1, tiles + 1), splits = (tiles + per_split - 1) / per_split;
  ColumnBounds whole = column_bounds(walk.visible, walk.columns, walk.tile, true, walk.group);
  const ir::Expr split = ir::symbol("split"), keys = per_split * walk.tile;
  ColumnBounds part = columns_within(whole, split * keys, (split + 1) * keys, walk.tile);
  // By the block's bounds, or by those of a row's own warpgroup.
  if (whole.own_end && *rc::gen::arbitrary<bool>())
    for (ColumnBounds* bounds : {&whole, &part})
      bounds->end = *bounds->own_end, bounds->unmasked = *bounds->own_unmasked;
  const int64_t m_tile = 128;
  for (int64_t row = 0; row < walk.queries * walk.group; row += 1 + row % 7) {
    std::map<std::string, int64_t> names{
        {"m", row / m_tile * m_tile}, {"m_tile", m_tile}, {"warpgroup", row % m_tile / 64}};
    const int64_t query = row / walk.group;
    std::vector<int> once(static_cast<size_t>(walk.columns)), joined = once;
    count_columns(walk, whole, names, query, once);
    for (int64_t i = 0; i < splits; ++i) {
      names["split"] = i;
      count_columns(walk, part, names, query, joined);
    }
    for (size_t column = 0; column < std::max(once.size(), joined.size()); ++column) {
      const int wanted = sees(walk, query, static_cast<int64_t>(column));
      RC_ASSERT((column < once.size() ? once[column] : 0) == wanted);
      RC_ASSERT((column < joined.size() ? joined[column] : 0) == wanted);
    }
  }
}

// --- packed heads -----------------------------------------------------------------------------------------
int64_t offset_of(const ir::Tensor& param, const std::vector<int64_t>& index) {
  const std::vector<int64_t> strides = lower::strides_of(param);
  const auto packed = lower::packed_axis(param);
  int64_t offset = 0;
  for (size_t d = 0; d < index.size(); ++d) {
    const int64_t group = packed && packed->axis == d ? packed->count : 1;
    offset += index[d] / group * strides[d] + (group > 1 ? index[d] % group * packed->stride : 0);
  }
  return offset;
}

RC_GTEST_PROP(PackedHeads, every_row_stands_where_its_query_and_head_do, ()) {
  const auto f = std::get<AttentionForward>(canonical(arbitrary_attention<AttentionForward>()));
  RC_PRE(f.q_heads > f.kv_heads);
  const RowTiles tiles = row_tiles(f, {.pack_gqa = true});
  RC_ASSERT(tiles.heads * tiles.rows == f.q_heads * f.q_len);
  for (const Buffer& buffer : {buffers(f)[0], buffers(f)[3]}) {
    const ir::Tensor param = row_tiles_param(buffer, tiles);
    for (int64_t row = 0; row < tiles.rows; row += 1 + row % 5) {
      const int64_t b = row % f.batch, h = row % tiles.heads, d = row % buffer.shape[3];
      const int64_t head = h * tiles.group + row % tiles.group, query = row / tiles.group;
      const std::vector<int64_t> place{b, head, query, d};
      int64_t wanted = 0;
      for (size_t i = 0; i < place.size(); ++i) wanted += place[i] * buffer.strides[i];
      RC_ASSERT(offset_of(param, {b, h, row, d}) == wanted);
    }
  }
}

TEST(PackedHeads, one_stride_where_it_leads_through_else_two_and_no_tma) {
  const auto program = [](const std::string& problem) {
    return plan_of("attention_forward q_heads=8 kv_len=99 head_dim=64 " + problem,
                   "consumer_warpgroups=1 pack_gqa=true")
        .launches[0]
        .program;
  };
  const std::string decode = program("kv_heads=2 q_len=1");
  EXPECT_THAT(decode, HasSubstr("param @q bf16 [1, 2, 4, 64] strides=[512,256,64,1]\n"));
  EXPECT_THAT(decode, HasSubstr("load $q, @q[b, h, m, 0] via=tma"));
  const std::string one_kv_head = program("kv_heads=1 q_len=3");
  EXPECT_THAT(one_kv_head, HasSubstr("param @q bf16 [1, 1, 24, 64] strides=[1536,512,64,1]\n"));
  const std::string packed = program("kv_heads=2 q_len=3 mask=causal");
  EXPECT_THAT(packed, HasSubstr("param @q bf16 [1, 2, 12, 64] strides=[1536,256,512,1] packed=[2,4,64]\n"));
  EXPECT_THAT(packed, HasSubstr("load $q, @q[b, h, m, 0] via=ld"));
  EXPECT_THAT(packed, HasSubstr("load $k, @k[b, h, n, 0] via=tma"));
  EXPECT_THAT(packed, HasSubstr("mask_causal %s, m, n, 96 rows_per_query=4"));
}

// --- splits -----------------------------------------------------------------------------------------------
TEST(SplitKv, partial_results_lie_in_the_workspace_until_they_are_joined) {
  const Plan plan = plan_of("attention_forward q_heads=4 q_len=2 kv_len=1000 head_dim=64 lse=true",
                            "consumer_warpgroups=1 key_tile=64 kv_splits=4");
  ASSERT_EQ(plan.launches.size(), 2u);
  EXPECT_EQ(plan.launches[0].tiles, 4 * 4);
  EXPECT_EQ(plan.launches[1].name, "combine");
  EXPECT_THAT(plan.launches[0].program, HasSubstr("let n_begin = split * 256\n"));
  EXPECT_EQ(plan.workspace_bytes, 4 * 4 * 2 * 64 * 4 + 2 * 256);
  EXPECT_EQ(plan.buffers.size(), 5u);
  EXPECT_EQ(plan.launches[1].arguments[0].buffer, (BufferRef{-1, 0}));
  EXPECT_EQ(plan.launches[1].arguments[1].buffer, (BufferRef{-1, 4 * 4 * 2 * 64 * 4}));
}

TEST(SplitKv, heads_and_rows_are_one_axis_of_the_join_where_strides_allow) {
  const auto join = [](const std::string& problem, const std::string& config) {
    return plan_of("attention_forward kv_len=1000 head_dim=64 " + problem,
                   "consumer_warpgroups=1 kv_splits=2 " + config)
        .launches[1]
        .program;
  };
  EXPECT_THAT(join("q_heads=4 q_len=1", ""), HasSubstr("param @o bf16 [1, 4, 64] strides=[256,64,1] out"));
  EXPECT_THAT(join("q_heads=4 q_len=3", ""),
              HasSubstr("param @o bf16 [1, 12, 64] strides=[768,64,1] out packed=[1,3,256]"));
  EXPECT_THAT(join("q_heads=4 kv_heads=2 q_len=3", "pack_gqa=true"),
              HasSubstr("param @o bf16 [1, 2, 6, 64] strides=[768,128,256,1] out packed=[2,2,64]"));
}

// --- copy paths ------------------------------------------------------------------------------------------
// How each of q, k, v and o is moved: "tma ld tma st".
std::string paths(const std::string& strides, const std::string& config = "") {
  const Plan plan = plan_of(
      "attention_forward batch=2 q_heads=4 kv_heads=2 q_len=100 kv_len=90 head_dim=80 " + strides, config);
  const std::string& program = plan.launches[0].program;
  std::vector<std::string> vias;
  for (const char* op : {"load $q", "load $k", "load $v", "store @o"}) {
    const size_t via = program.find("via=", program.find(op)) + 4;
    vias.push_back(program.substr(via, program.find_first_of(" \n", via) - via));
    const Buffer& buffer = plan.buffers[vias.size() - 1];
    const bool by_words = vias.back() == "tma" || vias.back() == "cp_async";
    EXPECT_EQ(buffer.alignment, by_words ? 16 : 2) << strides << " " << buffer.name;
  }
  return fmt::format("{}", fmt::join(vias, " "));
}

TEST(CopyPaths, what_tma_cannot_move_goes_by_pointers_and_nothing_else) {
  EXPECT_EQ(paths(""), "tma tma tma tma");
  // A column stride of 2.
  EXPECT_EQ(paths("q_strides=64000,16000,160,2"), "ld tma tma tma");
  EXPECT_EQ(paths("o_strides=64000,16000,160,2"), "tma tma tma st");
  // Columns slower than rows.
  EXPECT_EQ(paths("k_strides=14400,7200,1,90"), "tma ld tma tma");
  // Rows, and heads, at no multiple of 16 bytes.
  EXPECT_EQ(paths("v_strides=14760,7380,82,1"), "tma tma ld tma");
  EXPECT_EQ(paths("q_strides=32400,8100,80,1"), "ld tma tma tma");
  EXPECT_EQ(paths("o_strides=32400,8100,80,1"), "tma tma tma st");
  // Heads that share their keys by a stride of 0; batches at an odd distance.
  EXPECT_EQ(paths("k_strides=7200,0,80,1"), "tma ld tma tma");
  EXPECT_EQ(paths("v_strides=14401,7200,80,1"), "tma tma ld tma");
  // Padded rows that TMA does take.
  EXPECT_EQ(paths("q_strides=35200,8800,88,1 v_strides=15840,7920,88,1"), "tma tma tma tma");
}

TEST(CopyPaths, cp_async_takes_strides_of_whole_16_bytes) {
  const std::string async = "copy=cp_async";
  EXPECT_EQ(paths("", async), "cp_async cp_async cp_async tma");
  EXPECT_EQ(paths("q_strides=64000,16000,160,2", async), "ld cp_async cp_async tma");
  EXPECT_EQ(paths("v_strides=14760,7380,82,1", async), "cp_async cp_async ld tma");
  EXPECT_EQ(paths("k_strides=7200,0,80,1", async), "cp_async cp_async cp_async tma") << "heads at one place";
  EXPECT_EQ(paths("", "kv_copy=cp_async"), "tma cp_async cp_async tma");
  EXPECT_EQ(paths("", "q_copy=cp_async"), "cp_async tma tma tma");
}

// The hints of the accesses to q, k, v and o, "-" for none.
std::string hints(const std::string& problem, const std::string& config,
                  const std::string& cache = "keep_kv") {
  const Plan plan = plan_of("attention_forward q_heads=2 q_len=100 kv_len=500 head_dim=80 " + problem,
                            "cache=" + cache + " " + config);
  const std::string& program = plan.launches[0].program;
  std::vector<std::string> found;
  for (const char* op : {"load $q", "load $k", "load $v", "store @"}) {
    const std::string line =
        program.substr(program.find(op), program.find('\n', program.find(op)) - program.find(op));
    const size_t evict = line.find("evict=");
    found.push_back(evict == std::string::npos ? "-"
                                               : line.substr(evict + 6, line.find(' ', evict) - evict - 6));
  }
  return fmt::format("{}", fmt::join(found, " "));
}

TEST(CopyPaths, hints_go_with_what_the_copy_engine_moves) {
  EXPECT_EQ(hints("", ""), "first last last first");
  EXPECT_EQ(hints("k_strides=80000,40000,1,500", ""), "first - last first");
  EXPECT_EQ(hints("o_strides=32400,16200,162,2", ""), "first last last -");
  EXPECT_EQ(hints("", "kv_splits=2"), "- last last -")
      << "splits read Q twice, and their results are read again";
  EXPECT_EQ(hints("", "", "kv_last"), "- last last -");
  EXPECT_EQ(hints("", "", "qo_first"), "first - - first");
  EXPECT_EQ(hints("", "copy=cp_async kv_copy=auto", "kv_last"), "- last last -");
}

}  // namespace
}  // namespace warpfinch
