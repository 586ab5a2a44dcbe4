// Fused attention forward: online softmax over key tiles, as a naive program.
#include <cmath>

#include "generator/builders.hpp"

namespace warpfinch {

using namespace ir;

namespace {

void declare_tiles(Program& program, const AttentionFields& fields, const AttentionConfig& config) {
  const Expr rows = symbol("m_tile"), keys = symbol("key_tile");
  const int64_t value_dim = effective_value_dim(fields);
  program.tensors.push_back(shared_tile("q", fields.dtype, {rows, fields.head_dim}));
  program.tensors.push_back(shared_tile("k", fields.dtype, {keys, fields.head_dim}, config.k_stages));
  program.tensors.push_back(shared_tile("v", fields.dtype, {keys, value_dim}, config.v_stages));
  program.tensors.push_back(register_tile("s", DataType::fp32, {rows, keys}));
  program.tensors.push_back(register_tile("p", fields.dtype, {rows, keys}));
  program.tensors.push_back(register_tile("o", DataType::fp32, {rows, value_dim}));
  for (const char* name : {"reference", "shrink", "sum"}) program.tensors.push_back(row_values(name, rows));
  if (fields.lse) program.tensors.push_back(row_values("lse", rows));
}

std::vector<Op> tile_body(const AttentionFields& fields, const AttentionConfig& config) {
  const Expr b = symbol("b"), n = symbol("n");
  const Expr kv_head = symbol("h") / (fields.q_heads / fields.kv_heads);
  const std::string scale_text = exponent_scale(effective_scale(fields));
  const bool lazy = config.reference == Reference::r1;

  std::vector<Op> body;
  body.push_back(op("load", {shared("k"), global("k", {b, kv_head, n, 0})}));
  body.push_back(op("mma", {tile("s"), shared("q"), transposed(shared("k"))}));
  append_mask(body, "s", band(fields), fields.q_len, fields.kv_len, config.key_tile);
  body.push_back(op("reference", {tile("reference"), tile("shrink"), tile("s")},
                    {{"scale", scale_text}, {"policy", lazy ? "r1" : "r0"}}));
  body.push_back(op("softmax_exp2", {tile("s"), tile("reference")}, {{"scale", scale_text}}));
  body.push_back(op("multiply", {tile("sum"), tile("sum"), tile("shrink")}));
  body.push_back(op("row_sum", {tile("sum"), tile("s")}, {{"accumulate", ""}, {"partial", ""}}));
  body.push_back(op("convert", {tile("p"), tile("s")}));
  body.push_back(
      op("rescale", {tile("o"), tile("shrink")}, lazy ? Attributes{{"when", "changed"}} : Attributes{}));
  body.push_back(op("load", {shared("v"), global("v", {b, kv_head, n, 0})}));
  body.push_back(op("mma", {tile("o"), tile("p"), shared("v")}, {{"accumulate", ""}}));
  return body;
}

std::vector<Op> row_tile(const AttentionFields& fields, const AttentionConfig& config) {
  const Expr b = symbol("b"), h = symbol("h"), m = symbol("m");
  std::vector<Op> body;
  body.push_back(op("load", {shared("q"), global("q", {b, h, m, 0})}));
  body.push_back(op("fill", {tile("reference"), number(-INFINITY)}));
  body.push_back(op("fill", {tile("sum"), number(0)}));
  body.push_back(op("fill", {tile("o"), number(0)}));
  append_column_loop(body, column_bounds(band(fields), fields.kv_len, config.key_tile), "key_tile",
                     tile_body(fields, config));
  body.push_back(op("row_total", {tile("sum")}));
  body.push_back(op("normalize", {tile("o"), tile("sum")}));
  body.push_back(op("store", {global("o", {b, h, m, 0}), tile("o")}));
  if (fields.lse) {
    const std::string scale = exponent_scale(effective_scale(fields));
    body.push_back(op("log_sum_exp", {tile("lse"), tile("reference"), tile("sum")}, {{"scale", scale}}));
    body.push_back(op("store", {global("lse", {b, h, m}), tile("lse")}));
  }
  return body;
}

}  // namespace

Program build_attention_forward(const AttentionFields& fields, const AttentionConfig& config,
                                const Target& target) {
  Program program;
  program.name = "attention_forward";
  program.attributes = {{"target", target.name},
                        {"order", value_to_text(config.order)},
                        {"baton", value_to_text(config.baton)},
                        {"mask_loop", value_to_text(config.mask_loop)},
                        {"copy", value_to_text(config.copy)}};
  program.constants = {{"m_tile", 64 * config.consumers}, {"key_tile", config.key_tile}};
  for (const Buffer& buffer : buffers(AttentionForward{fields})) program.tensors.push_back(param(buffer));
  declare_tiles(program, fields, config);

  Op grid = op("grid", {}, {{"tile_order", value_to_text(config.tile_order)}});
  const Range batch{"b", 0, fields.batch, 1}, heads{"h", 0, fields.q_heads, 1};
  const Range rows{"m", 0, fields.q_len, symbol("m_tile")};
  // Where row tiles are equally long neighbouring blocks share one head's keys; else the long ones of all
  // heads go first.
  const Band visible = band(fields);
  if (visible.first.has_value() == visible.last.has_value()) {
    grid.ranges = {batch, heads, rows};
  } else {
    grid.ranges = {rows, batch, heads};
    if (visible.last) set(grid.attributes, "descending", "m");
  }
  grid.body = row_tile(fields, config);
  program.body = {std::move(grid)};
  return program;
}

}  // namespace warpfinch
