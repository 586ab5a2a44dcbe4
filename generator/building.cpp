// Pieces that builders share: declarations, masks and loop bounds.
#include <fmt/format.h>

#include "generator/builders.hpp"

namespace warpfinch {

using namespace ir;

Tensor param(const Buffer& buffer) {
  Tensor result{Space::global, buffer.name, buffer.type, {}, {}};
  for (int64_t extent : buffer.shape) result.shape.push_back(extent);
  set(result.attributes, "strides", list_text(buffer.strides));
  if (buffer.output) set(result.attributes, "out");
  return result;
}

Tensor shared_tile(std::string name, DataType type, std::vector<Expr> shape, int stages) {
  Tensor result{Space::shared, std::move(name), type, std::move(shape), {}};
  if (stages > 0) set(result.attributes, "stages", std::to_string(stages));
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

std::string exponent_scale(double scale) {
  constexpr double kLog2e = 1.4426950408889634;
  return fmt::format("{}", static_cast<float>(scale * kLog2e));
}

void append_mask(std::vector<Op>& body, const std::string& name, const Band& visible, int64_t rows,
                 int64_t columns, int64_t step, const Expr& column) {
  const auto edge = [&](const char* mask, int64_t offset) {
    body.push_back(op(mask, {tile(name), expr(symbol("m")), expr(column), expr(offset)}));
  };
  if (visible.first) edge("mask_window", *visible.first);
  if (visible.last) edge("mask_causal", *visible.last);
  // An edge that ends before the last column hides what lies past it from every row that exists.
  const bool hidden = visible.last && rows - 1 + *visible.last < columns;
  if (!hidden && columns % step != 0)
    body.push_back(op("mask_columns", {tile(name), expr(column), expr(columns)}));
}

ColumnBounds column_bounds(const Band& visible, int64_t columns, int64_t column_tile, bool per_warpgroup) {
  const auto whole_tiles = [&](Expr count) { return count / column_tile * column_tile; };
  // Rows that see nothing run over one wholly masked tile, so that every pipeline has a first tile.
  const auto end = [&](const Expr& row, const Expr& count) {
    return max(min(columns, row + count + *visible.last), 1);
  };
  const auto unmasked = [&](const Expr& row) {
    return whole_tiles(max(min(columns, row + *visible.last + 1), 0));
  };
  const Expr m = symbol("m"), rows = symbol("m_tile"), own = m + symbol("warpgroup") * 64;
  ColumnBounds bounds{columns, whole_tiles(columns), columns % column_tile != 0};
  if (visible.last) {
    bounds.end = end(m, rows);
    bounds.unmasked = unmasked(m);
    bounds.masked = true;
  }
  if (visible.last && per_warpgroup) {
    bounds.own_end = end(own, 64);
    bounds.own_unmasked = unmasked(own);
  }
  if (visible.first) {
    // For the same reason the walk begins before the last column at the latest.
    bounds.begin = whole_tiles(min(max(m + *visible.first, 0), columns - 1));
    bounds.unmasked_from = whole_tiles(max(m + rows + *visible.first - 1, 0) + (column_tile - 1));
    bounds.masked = true;
  }
  return bounds;
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
