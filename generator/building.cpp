// Pieces that builders share: declarations, masks and loop bounds.
#include <fmt/format.h>

#include "generator/builders.hpp"
#include "generator/fp32.hpp"
#include "generator/text.hpp"

namespace warpfinch {

using namespace ir;

Tensor param(const Buffer& buffer) {
  Tensor result{Space::global, buffer.name, buffer.type, {}, {}};
  for (int64_t extent : buffer.shape) result.shape.push_back(extent);
  set(result.attributes, "strides", list_text(buffer.strides));
  if (buffer.output) set(result.attributes, "out");
  return result;
}

Tensor merge_axes(const Tensor& param, size_t axis) {
  std::vector<int64_t> strides = integer_list(*attribute(param.attributes, "strides"));
  const int64_t outer = value(param.shape[axis]), inner = value(param.shape[axis + 1]);
  const int64_t outer_stride = strides[axis], inner_stride = strides[axis + 1];
  Tensor result = param;
  result.shape[axis] = outer * inner;
  result.shape.erase(result.shape.begin() + axis + 1);
  strides.erase(strides.begin() + axis + (inner == 1 ? 1 : 0));
  const bool even = outer == 1 || inner == 1 || outer_stride == inner * inner_stride;
  if (!even) strides[axis] = outer_stride;
  set(result.attributes, "strides", list_text(strides));
  if (!even) set(result.attributes, "packed", list_text({static_cast<int64_t>(axis), inner, inner_stride}));
  return result;
}

Tensor shared_tile(std::string name, DataType type, std::vector<Expr> shape, int stages) {
  Tensor result{Space::shared, std::move(name), type, std::move(shape), {}};
  if (stages > 0) set(result.attributes, "stages", number_to_text(stages));
  return result;
}

Tensor register_tile(std::string name, DataType type, std::vector<Expr> shape) {
  return {Space::register_, std::move(name), type, std::move(shape), {}};
}

Tensor row_values(std::string name, Expr rows) {
  Tensor result = register_tile(std::move(name), DataType::fp32, {std::move(rows)});
  set(result.attributes, "rows");
  return result;
}

std::string exponent_scale(double scale) { return number_to_text(exponent_factor(scale)); }

Operand exponent_operand(double scale) { return number(*number_from_text<double>(exponent_scale(scale))); }

void append_mask(std::vector<Op>& body, const std::string& name, const Band& visible, int64_t rows,
                 int64_t columns, bool ragged, const Expr& column, int64_t rows_per_query) {
  const auto edge = [&](const char* mask, int64_t offset) {
    body.push_back(op(mask, {tile(name), expr(symbol("m")), expr(column), expr(offset)}));
    if (rows_per_query > 1) set(body.back().attributes, "rows_per_query", number_to_text(rows_per_query));
  };
  if (visible.first) edge("mask_window", *visible.first);
  if (visible.last) edge("mask_causal", *visible.last);
  // An edge that ends before the last column hides what lies past it from every row that exists.
  const bool hidden = visible.last && rows - 1 + *visible.last < columns;
  if (ragged && !hidden) body.push_back(op("mask_columns", {tile(name), expr(column), expr(columns)}));
}

ColumnBounds column_bounds(const Band& visible, int64_t columns, int64_t column_tile, bool per_warpgroup,
                           int64_t rows_per_query, const RowRange& tile) {
  const auto whole_tiles = [&](Expr count) { return count / column_tile * column_tile; };
  // The query of a row, and one past that of the last of `count` rows.
  const auto query = [&](const Expr& row) { return row / rows_per_query; };
  const auto behind = [&](const Expr& row, const Expr& count) {
    return rows_per_query == 1 ? row + count : (row + count - 1) / rows_per_query + 1;
  };
  // Rows that see nothing run over one wholly masked tile, so that every pipeline has a first tile.
  const auto end = [&](const Expr& row, const Expr& count) {
    return max(min(columns, behind(row, count) + *visible.last), 1);
  };
  const auto unmasked = [&](const Expr& row) {
    return whole_tiles(max(min(columns, query(row) + *visible.last + 1), 0));
  };
  const Expr &first = tile.first, &rows = tile.count, own = symbol("m") + symbol("warpgroup") * 64;
  ColumnBounds bounds{columns, whole_tiles(columns), columns % column_tile != 0};
  if (visible.last) {
    bounds.end = end(first, rows);
    bounds.unmasked = unmasked(first);
    bounds.masked = true;
  }
  if (visible.last && per_warpgroup) {
    bounds.own_end = end(own, 64);
    bounds.own_unmasked = unmasked(own);
  }
  if (visible.first) {
    // For the same reason the walk begins before the last column at the latest.
    bounds.begin = whole_tiles(min(max(query(first) + *visible.first, 0), columns - 1));
    bounds.unmasked_from = whole_tiles(max(behind(first, rows) + *visible.first - 1, 0) + (column_tile - 1));
    bounds.masked = true;
  }
  return bounds;
}

ColumnBounds columns_within(const ColumnBounds& bounds, const Expr& from, const Expr& to, int64_t step) {
  ColumnBounds result = bounds;
  result.begin = bounds.begin == Expr(0) ? from : max(from, min(bounds.begin, to - step));
  result.end = max(min(bounds.end, to), from + 1);
  result.unmasked = min(bounds.unmasked, to);
  if (bounds.own_end) {
    result.own_end = max(min(*bounds.own_end, to), from + 1);
    result.own_unmasked = min(*bounds.own_unmasked, to);
  }
  return result;
}

void append_column_loop(std::vector<Op>& body, const ColumnBounds& bounds, const Expr& step,
                        std::vector<Op> loop_body) {
  const auto named = [&](const char* name, const Expr& value) {
    if (is_constant(value)) return value;
    body.push_back(let(name, value));
    return symbol(name);
  };
  const Expr begin = named("n_begin", bounds.begin), end = named("n_end", bounds.end);
  Attributes attributes{{"nonempty", ""}};
  if (bounds.masked) {
    const Expr from = named("n_unmasked_from", bounds.unmasked_from);
    const Expr unmasked = named("n_unmasked", bounds.unmasked);
    if (from != Expr(0)) set(attributes, "unmasked_from", to_text(from));
    set(attributes, "unmasked", to_text(unmasked));
  }
  if (bounds.own_end) {
    set(attributes, "own", to_text(named("n_own", *bounds.own_end)));
    set(attributes, "own_unmasked", to_text(named("n_own_unmasked", *bounds.own_unmasked)));
  }
  body.push_back(for_loop({"n", begin, end, step}, std::move(loop_body), std::move(attributes)));
}

}  // namespace warpfinch
