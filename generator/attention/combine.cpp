// The join of split-KV: rows of all splits weighed by their sums under one reference and added, as a naive
// program.
// Tiles are small, 16 rows by 32 columns on one warp: the work is all latency, and blocks are what hides it.
#include <cmath>

#include "generator/builders.hpp"

namespace warpfinch {

using namespace ir;

namespace {

constexpr int64_t kColumns = 32;  // of a tile; 16-byte accesses by every thread
// Below every sum of a row that saw a key, and above 0, by which nothing can be divided.
constexpr double kLeastSum = 1e-30;

// Heads and rows are walked as one axis where one stride, or a packed pair of them, leads through the result.
bool can_flatten(const Tensor& result) { return !has(result.attributes, "packed"); }

struct Combine {
  Tensor partial_o, partial_reference, partial_sum, o, lse;
  std::vector<Expr> row;       // coordinates of a tile's first row in o
  std::vector<Expr> of_split;  // and in the partial results
  std::vector<Range> axes;
};

Combine tensors_of(const AttentionFields& fields, const AttentionConfig& config) {
  const RowTiles tiles = row_tiles(fields, config);
  const SplitResults partial = split_results(fields, config);
  const std::vector<Buffer> user = buffers(AttentionForward{fields});
  Combine c{param(partial.o),
            param(partial.reference),
            param(partial.sum),
            row_tiles_param(user[3], tiles),
            {},
            {},
            {},
            {}};
  for (Tensor* tensor : {&c.partial_o, &c.partial_reference, &c.partial_sum})
    remove(tensor->attributes, "out");
  if (fields.lse) c.lse = row_tiles_param(user[4], tiles);
  const Range batch{"b", 0, fields.batch, 1}, heads{"h", 0, tiles.heads, 1};
  const bool flat = can_flatten(c.o);
  const Range rows{"m", 0, flat ? tiles.heads * tiles.rows : tiles.rows, symbol("m_tile")};
  c.row = {symbol("b"), symbol("h"), symbol("m")};
  c.axes = {batch, heads, rows};
  if (flat) {
    c.partial_o = merge_axes(c.partial_o, 2);
    c.partial_reference = merge_axes(c.partial_reference, 2);
    c.partial_sum = merge_axes(c.partial_sum, 2);
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

Op load_reference(const Combine& c) {
  return op("load", {tile("reference"), global("partial_reference", c.of_split)});
}

// The sum of a split, scaled from its own reference to the highest one of all splits.
std::vector<Op> share_of_split(const Combine& c, const Attributes& shifted) {
  return {load_reference(c), op("load", {tile("share"), global("partial_sum", c.of_split)}),
          op("correction", {tile("weight"), tile("reference"), tile("top")}, shifted),
          op("multiply", {tile("share"), tile("share"), tile("weight")})};
}

std::vector<Op> add_sum(const Combine& c, const Attributes& shifted) {
  std::vector<Op> body = share_of_split(c, shifted);
  body.push_back(op("add", {tile("sum"), tile("sum"), tile("share")}));
  return body;
}

// A split's weight is its share of the whole sum. That is at most 1, so what is added is no larger than the
// splits' own results.
std::vector<Op> add_split(const Combine& c, const Attributes& shifted) {
  std::vector<Op> body = share_of_split(c, shifted);
  body.insert(body.end(), {op("multiply", {tile("share"), tile("share"), tile("inverse")}),
                           op("load", {tile("x"), global("partial_o", with_column(c.of_split))}),
                           op("multiply", {tile("x"), tile("x"), tile("share")}),
                           op("add", {tile("o"), tile("o"), tile("x")})});
  return body;
}

// Once per row: the block of the first columns writes it.
Op store_lse(const Combine& c, const Attributes& shifted) {
  Op once = op("if", {expr(operation("==", symbol("d"), 0))});
  once.body = {op("log_sum_exp", {tile("lse"), tile("top"), tile("sum")}, shifted),
               op("store", {global("lse", c.row), tile("lse")})};
  return once;
}

std::vector<Op> row_tile(const Combine& c, const AttentionFields& fields, const AttentionConfig& config) {
  const Range each{"split", 0, config.kv_splits, 1};
  const Attributes shifted = exponents(fields, config);
  std::vector<Op> body{op("fill", {tile("top"), number(-INFINITY)}), op("fill", {tile("sum"), number(0)}),
                       op("fill", {tile("o"), number(0)})};
  // As many loads in flight as registers allow: each trip waits for nothing but memory.
  const Op raise_top = op("maximum", {tile("top"), tile("top"), tile("reference")});
  body.push_back(for_loop(each, {load_reference(c), raise_top}, {{"unroll", "32"}}));
  body.push_back(for_loop(each, add_sum(c, shifted), {{"unroll", "32"}}));
  body.push_back(op("maximum", {tile("inverse"), tile("sum"), number(kLeastSum)}));
  body.push_back(op("reciprocal", {tile("inverse"), tile("inverse")}));
  body.push_back(for_loop(each, add_split(c, shifted), {{"unroll", "8"}}));
  body.push_back(op("store", {global("o", with_column(c.row)), tile("o")}));
  if (fields.lse) body.push_back(store_lse(c, shifted));
  return body;
}

}  // namespace

Program build_combine(const AttentionFields& fields, const AttentionConfig& config, const Target& target) {
  const Combine c = tensors_of(fields, config);
  Program program;
  program.name = "combine";
  program.attributes = {{"target", target.name}};
  program.constants = {{"m_tile", 16}};
  program.tensors = {c.partial_o, c.partial_reference, c.partial_sum, c.o};
  if (fields.lse) program.tensors.push_back(c.lse);
  for (const char* name : {"x", "o"}) {
    program.tensors.push_back(register_tile(name, DataType::fp32, {symbol("m_tile"), kColumns}));
    set(program.tensors.back().attributes, "layout", "vector");
  }
  for (const char* name : {"reference", "top", "weight", "share", "sum", "inverse"})
    program.tensors.push_back(row_values(name, symbol("m_tile")));
  if (fields.lse) program.tensors.push_back(row_values("lse", symbol("m_tile")));
  Op grid = op("grid", {}, {{"tile_order", "flat"}});
  grid.ranges = c.axes;
  grid.ranges.push_back({"d", 0, effective_value_dim(fields), kColumns});
  grid.body = row_tile(c, fields, config);
  program.body = {std::move(grid)};
  return program;
}

}  // namespace warpfinch
