// The state of a softmax row: what exponentials are taken with, what stands for no key, and what becomes of
// it at the end. The loop over keys is for references of ordinary size (`shift=plain`) and finite sums; the
// end of a row finds the others and computes them once more.
#include <algorithm>
#include <limits>

#include "generator/builders.hpp"
#include "generator/text.hpp"

namespace warpfinch {

using namespace ir;

namespace {

// What brings the scores to log2 units: 1 where Q has been brought there already.
std::string score_scale(const AttentionFields& fields, const AttentionConfig& config) {
  return config.scale_q ? "1" : exponent_scale(effective_scale(fields));
}

// May a sum of O leave the finite numbers where the row's sum and the output do not? Under a mask by 0 times
// a value that the row does not see and that is infinite or NaN; in bf16 by finite values beyond 2^54, which
// fp16 has not; in fp16 where P ends at 65504 and a reference of the first tile is never raised.
bool may_overflow(const AttentionFields& fields, const AttentionConfig& config) {
  return band(fields).first || band(fields).last || fields.dtype == DataType::bf16 || may_do_again(config);
}

// The keys of the program: all, or those of a split.
Range keys_of(const AttentionFields& fields, const AttentionConfig& config) {
  if (config.kv_splits == 1) return {"n", 0, fields.kv_len, 1};
  const int64_t keys = split_keys(fields, config);
  return {"n", symbol("split") * keys, (symbol("split") + 1) * keys, 1};
}

Op recompute(const AttentionFields& fields, const AttentionConfig& config) {
  const Expr b = symbol("b"), h = symbol("h"), m = symbol("m");
  const RowTiles tiles = row_tiles(fields, config);
  const Expr kv_head = h / (tiles.heads / fields.kv_heads);
  const Range keys = keys_of(fields, config);
  Attributes attributes = exponents(fields, config);
  if (config.scale_q) set(attributes, "q_scale", exponent_scale(effective_scale(fields)));
  if (tiles.group > 1) set(attributes, "rows_per_query", number_to_text(tiles.group));
  Op repair = op("any_above", {tile("unfit"), number(0)}, {{"seldom", ""}});
  repair.body = {op("recompute_rows",
                    {tile("o"), tile("reference"), tile("sum"), tile("unfit"), global("q", {b, h, m, 0}),
                     global("k", {b, kv_head, 0, 0}), global("v", {b, kv_head, 0, 0}), expr(m),
                     expr(keys.begin), expr(keys.end), expr(band(fields).first.value_or(-fields.q_len)),
                     expr(band(fields).last.value_or(fields.kv_len))},
                    attributes)};
  return repair;
}

}  // namespace

bool may_do_again(const AttentionConfig& config) { return first_tile_decides(config.max_policy); }

// What exponentials are taken with. P in fp16 ends at 2^-24, where bf16 goes on: there P is lifted, so that
// keys of little weight, whose values may be large, are not lost. Normalizing takes the factor out again.
// conditional lets P grow by 2^8, which with 2^7 stays below 65504.
Attributes exponents(const AttentionFields& fields, const AttentionConfig& config) {
  Attributes attributes{{"scale", score_scale(fields, config)}};
  if (fields.dtype == DataType::fp16) set(attributes, "max_offset", "7");
  return attributes;
}

Attributes plain_exponents(const AttentionFields& fields, const AttentionConfig& config) {
  Attributes attributes = exponents(fields, config);
  set(attributes, "shift", "plain");
  return attributes;
}

double no_key(const AttentionFields& fields, const AttentionConfig& config) {
  const double scale = number_from_text<double>(score_scale(fields, config)).value();
  return std::max(static_cast<float>(-0x1p100 / scale), std::numeric_limits<float>::lowest());
}

Operand result(const AttentionConfig& config, const std::string& name, std::vector<Expr> index) {
  if (config.kv_splits == 1) return global(name, std::move(index));
  index.insert(index.begin(), symbol("split"));
  return global("partial_" + name, std::move(index));
}

void append_normalize(std::vector<Op>& body, const AttentionFields& fields, const AttentionConfig& config) {
  Op flag = op("flag_rows", {tile("unfit"), tile("reference"), tile("sum")}, exponents(fields, config));
  if (may_overflow(fields, config)) flag.operands.push_back(tile("o"));
  body.push_back(std::move(flag));
  if (may_do_again(config)) body.push_back(op("redo", {tile("unfit")}));
  body.push_back(op("normalize", {tile("o"), tile("sum")}));
  Op repair = recompute(fields, config);
  if (may_do_again(config)) {
    Op second_walk = op("if", {expr(operation("!=", symbol("safe"), 0))}, {{"cold", ""}});
    second_walk.body = {std::move(repair)};
    repair = std::move(second_walk);
  }
  body.push_back(std::move(repair));
}

void append_state(std::vector<Op>& body, const AttentionFields& fields, const AttentionConfig& config) {
  const std::vector<Expr> rows = {symbol("b"), symbol("h"), symbol("m")};
  if (config.kv_splits > 1) {
    for (const char* name : {"reference", "sum"})
      body.push_back(op("store", {result(config, name, rows), tile(name)}));
  } else if (fields.lse) {
    body.push_back(
        op("log_sum_exp", {tile("lse"), tile("reference"), tile("sum")}, exponents(fields, config)));
    body.push_back(op("store", {result(config, "lse", rows), tile("lse")}));
  }
}

}  // namespace warpfinch
