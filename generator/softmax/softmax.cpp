// Softmax of rows, as a naive program: one tile where a row fits into it, else a pass for the statistics and
// a second one that reads the row again.
#include <cmath>

#include "generator/builders.hpp"
#include "generator/operations.hpp"

namespace warpfinch {

using namespace ir;

namespace {

std::vector<Op> scores(const RowSoftmax& softmax, const SoftmaxConfig& config) {
  std::vector<Op> body;
  body.push_back(op("load", {tile("x"), global(softmax.x.name, {symbol("z"), symbol("m"), symbol("n")})}));
  // A row tile may reach past the plane's last row, where an edge may see columns that do not exist.
  const int64_t rows = softmax.x.shape[1] + 16 * config.warps - 1;
  append_mask(body, "x", softmax.visible, rows, softmax.x.shape[2],
              softmax.x.shape[2] % config.column_tile != 0);
  return body;
}

std::vector<Op> statistics(const RowSoftmax& softmax, const SoftmaxConfig& config) {
  std::vector<Op> body = scores(softmax, config);
  const Attributes scale{{"scale", exponent_scale(softmax.scale)}};
  body.push_back(op("reference", {tile("reference"), tile("o_scale"), tile("x")},
                    {{"scale", exponent_scale(softmax.scale)}, {"policy", "always"}}));
  body.push_back(op("softmax_exp2", {tile("x"), tile("reference")}, scale));
  body.push_back(op("multiply", {tile("sum"), tile("sum"), tile("o_scale")}));
  body.push_back(op("row_sum", {tile("sum"), tile("x")}, {{"accumulate", ""}, {"partial", ""}}));
  return body;
}

std::vector<Op> result(const RowSoftmax& softmax) {
  std::vector<Op> body{op("normalize", {tile("x"), tile("sum")})};
  body.push_back(op("store", {global(softmax.y.name, {symbol("z"), symbol("m"), symbol("n")}), tile("x")}));
  return body;
}

void append(std::vector<Op>& to, std::vector<Op> ops) { to.insert(to.end(), ops.begin(), ops.end()); }

void append_lse(std::vector<Op>& body, const RowSoftmax& softmax) {
  body.push_back(op("log_sum_exp", {tile("lse"), tile("reference"), tile("sum")},
                    {{"scale", exponent_scale(softmax.scale)}}));
  body.push_back(op("store", {global(softmax.lse.name, {symbol("z"), symbol("m")}), tile("lse")}));
}

// The sums of all threads. What they divide comes out times the factor, of which the LSE knows nothing.
void append_totals(std::vector<Op>& body, const RowSoftmax& softmax) {
  body.push_back(op("row_total", {tile("sum")}));
  if (!softmax.lse.name.empty()) append_lse(body, softmax);
  if (softmax.factor != 1)
    body.push_back(op("multiply", {tile("sum"), tile("sum"), number(1 / softmax.factor)}));
}

void unroll(Op& loop, const SoftmaxConfig& config) {
  if (config.unroll > 1) set(loop.attributes, "unroll", number_to_text(config.unroll));
}

std::vector<Op> row_tile(const RowSoftmax& softmax, const SoftmaxConfig& config) {
  const int64_t columns = softmax.x.shape[2];
  std::vector<Op> body{op("fill", {tile("reference"), number(-INFINITY)}),
                       op("fill", {tile("sum"), number(0)})};
  if (columns <= config.column_tile) {
    body.push_back(let("n", 0));
    append(body, statistics(softmax, config));
    append_totals(body, softmax);
    append(body, result(softmax));
  } else {
    const ColumnBounds bounds = column_bounds(softmax.visible, columns, config.column_tile);
    append_column_loop(body, bounds, symbol("column_tile"), statistics(softmax, config));
    unroll(body.back(), config);
    append_totals(body, softmax);
    std::vector<Op> second = scores(softmax, config);
    second.push_back(
        op("softmax_exp2", {tile("x"), tile("reference")}, {{"scale", exponent_scale(softmax.scale)}}));
    append(second, result(softmax));
    body.push_back(for_loop({"n", 0, columns, symbol("column_tile")}, std::move(second)));
    unroll(body.back(), config);
  }
  return body;
}

}  // namespace

Program build_row_softmax(const RowSoftmax& softmax, const SoftmaxConfig& config, const Target& target) {
  Program program;
  program.name = "softmax";
  program.attributes = {{"target", target.name}, {"mask_loop", "branch"}};
  program.constants = {{"m_tile", 16 * config.warps}, {"column_tile", config.column_tile}};
  program.tensors = {param(softmax.x), param(softmax.y)};
  if (!softmax.lse.name.empty()) program.tensors.push_back(param(softmax.lse));
  program.tensors.push_back(register_tile("x", DataType::fp32, {symbol("m_tile"), symbol("column_tile")}));
  set(program.tensors.back().attributes, "layout", "vector");
  for (const char* name : {"reference", "o_scale", "sum"})
    program.tensors.push_back(row_values(name, symbol("m_tile")));
  if (!softmax.lse.name.empty()) program.tensors.push_back(row_values("lse", symbol("m_tile")));

  Op grid = op("grid", {}, {{"tile_order", value_to_text(config.tile_order)}});
  grid.ranges = {{"z", 0, softmax.x.shape[0], 1}, {"m", 0, softmax.x.shape[1], symbol("m_tile")}};
  grid.body = row_tile(softmax, config);
  program.body = {std::move(grid)};
  return program;
}

// --- the plan ---------------------------------------------------------------------------------------------
Config default_of(const Softmax&) { return {{SoftmaxConfig{}}}; }
std::vector<Problem> kernels_of(const Softmax& softmax) { return {softmax}; }

PlannedKernels build_of(const Softmax& softmax, const Config& config, const Target& target) {
  const std::vector<Buffer> user = buffers_of(softmax);
  const RowSoftmax rows{.x = user[0],
                        .y = user[1],
                        .lse = {},
                        .visible = band(softmax.mask, softmax.rows, softmax.columns),
                        .scale = softmax.scale};
  return single(build_row_softmax(rows, std::get<SoftmaxConfig>(config.kernels[0]), target), user.size());
}

}  // namespace warpfinch
