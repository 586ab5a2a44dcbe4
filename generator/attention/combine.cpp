// The join of split-KV: rows of all splits weighed by exp(LSE - largest LSE) and added, as a naive program.
// Tiles are small, 16 rows by 32 columns on one warp: the work is all latency, and blocks are what hides it.
#include "generator/builders.hpp"

namespace warpfinch {

using namespace ir;

namespace {

constexpr int64_t kColumns = 32;  // of a tile; 16-byte accesses by every thread
// Below every LSE that a row with keys can have; finite, so that a split that saw none weighs 0 and not NaN.
constexpr double kLowest = -3e38;

// Heads and rows are walked as one axis where one stride, or a packed pair of them, leads through the result.
bool can_flatten(const Tensor& result) { return !has(result.attributes, "packed"); }

struct Combine {
  Tensor partial_o, partial_lse, o, lse;
  std::vector<Expr> row;       // coordinates of a tile's first row in o
  std::vector<Expr> of_split;  // and in the partial results
  std::vector<Range> axes;
};

Combine tensors_of(const AttentionFields& fields, const AttentionConfig& config) {
  const RowTiles tiles = row_tiles(fields, config);
  const SplitResults partial = split_results(fields, config);
  const std::vector<Buffer> user = buffers(AttentionForward{fields});
  Combine c{param(partial.o), param(partial.lse), row_tiles_param(user[3], tiles), {}, {}, {}, {}};
  remove(c.partial_o.attributes, "out");
  remove(c.partial_lse.attributes, "out");
  if (fields.lse) c.lse = row_tiles_param(user[4], tiles);
  const Range batch{"b", 0, fields.batch, 1}, heads{"h", 0, tiles.heads, 1};
  const bool flat = can_flatten(c.o);
  const Range rows{"m", 0, flat ? tiles.heads * tiles.rows : tiles.rows, symbol("m_tile")};
  c.row = {symbol("b"), symbol("h"), symbol("m")};
  c.axes = {batch, heads, rows};
  if (flat) {
    c.partial_o = merge_axes(c.partial_o, 2);
    c.partial_lse = merge_axes(c.partial_lse, 2);
    c.o = merge_axes(c.o, 1);
    if (fields.lse) c.lse = merge_axes(c.lse, 1);
    c.row = {symbol("b"), symbol("m")};
    c.axes = {batch, rows};
  }
  c.of_split = c.row;
  c.of_split.insert(c.of_split.begin(), symbol("split"));
  return c;
}

std::vector<Expr> with_column(std::vector<Expr> row) {
  row.push_back(symbol("d"));
  return row;
}

std::vector<Op> add_split(const Combine& c) {
  return {op("load", {tile("weight"), global("partial_lse", c.of_split)}),
          op("subtract", {tile("weight"), tile("weight"), tile("top")}),
          op("multiply", {tile("weight"), tile("weight"), exponent_operand(1)}),
          op("exp2", {tile("weight"), tile("weight")}),
          op("add", {tile("sum"), tile("sum"), tile("weight")}),
          op("load", {tile("x"), global("partial_o", with_column(c.of_split))}),
          op("multiply", {tile("x"), tile("x"), tile("weight")}),
          op("add", {tile("o"), tile("o"), tile("x")})};
}

// Once per row: the block of the first columns writes it.
Op store_lse(const Combine& c) {
  Op once = op("if", {expr(operation("==", symbol("d"), 0))});
  once.body = {op("log_sum_exp", {tile("lse"), tile("top"), tile("sum")}, {{"scale", exponent_scale(1)}}),
               op("store", {global("lse", c.row), tile("lse")})};
  return once;
}

std::vector<Op> row_tile(const Combine& c, const AttentionFields& fields, int64_t splits) {
  const Range each{"split", 0, splits, 1};
  std::vector<Op> body{op("fill", {tile("top"), number(kLowest)}), op("fill", {tile("sum"), number(0)}),
                       op("fill", {tile("o"), number(0)})};
  // As many loads in flight as registers allow: each trip waits for nothing but memory.
  body.push_back(for_loop(each,
                          {op("load", {tile("weight"), global("partial_lse", c.of_split)}),
                           op("maximum", {tile("top"), tile("top"), tile("weight")})},
                          {{"unroll", "32"}}));
  body.push_back(for_loop(each, add_split(c), {{"unroll", "8"}}));
  body.push_back(op("normalize", {tile("o"), tile("sum")}));
  body.push_back(op("store", {global("o", with_column(c.row)), tile("o")}));
  if (fields.lse) body.push_back(store_lse(c));
  return body;
}

}  // namespace

Program build_combine(const AttentionFields& fields, const AttentionConfig& config, const Target& target) {
  const Combine c = tensors_of(fields, config);
  Program program;
  program.name = "combine";
  program.attributes = {{"target", target.name}};
  program.constants = {{"m_tile", 16}};
  program.tensors = {c.partial_o, c.partial_lse, c.o};
  if (fields.lse) program.tensors.push_back(c.lse);
  for (const char* name : {"x", "o"}) {
    program.tensors.push_back(register_tile(name, DataType::fp32, {symbol("m_tile"), kColumns}));
    set(program.tensors.back().attributes, "layout", "vector");
  }
  for (const char* name : {"top", "weight", "sum"})
    program.tensors.push_back(row_values(name, symbol("m_tile")));
  if (fields.lse) program.tensors.push_back(row_values("lse", symbol("m_tile")));
  Op grid = op("grid", {}, {{"tile_order", "flat"}});
  grid.ranges = c.axes;
  grid.ranges.push_back({"d", 0, effective_value_dim(fields), kColumns});
  grid.body = row_tile(c, fields, config.kv_splits);
  program.body = {std::move(grid)};
  return program;
}

}  // namespace warpfinch
