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

namespace {
// Column j is visible to row i when j <= i + offset.
int64_t diagonal(Mask mask, int64_t rows, int64_t columns) {
  return mask == Mask::causal ? columns - rows : 0;
}
}  // namespace

void append_mask(std::vector<Op>& body, const std::string& name, Mask mask, int64_t rows, int64_t columns,
                 int64_t column_tile, const Expr& column) {
  if (mask != Mask::none)
    body.push_back(op("mask_causal", {tile(name), expr(symbol("m")), expr(column),
                                      expr(diagonal(mask, rows, columns))}));
  // Bottom-right alignment hides what lies past the last column from every row that exists.
  if (mask != Mask::causal && columns % column_tile != 0)
    body.push_back(op("mask_columns", {tile(name), expr(column), expr(columns)}));
}

ColumnBounds column_bounds(Mask mask, int64_t rows, int64_t columns, int64_t column_tile,
                           bool per_warpgroup) {
  const auto whole_tiles = [&](Expr count) { return count / column_tile * column_tile; };
  if (mask == Mask::none) return {columns, whole_tiles(columns), columns % column_tile != 0};
  const int64_t offset = diagonal(mask, rows, columns);
  // Rows that see nothing run over one wholly masked tile, so that every pipeline has a first tile.
  const auto end = [&](const Expr& row, const Expr& count) {
    return max(min(columns, row + count + offset), 1);
  };
  const auto unmasked = [&](const Expr& row) {
    return whole_tiles(max(min(columns, row + offset + 1), 0));
  };
  ColumnBounds bounds{end(symbol("m"), symbol("m_tile")), unmasked(symbol("m")), true};
  if (per_warpgroup) {
    const Expr row = symbol("m") + symbol("warpgroup") * 64;
    bounds.own_end = end(row, 64);
    bounds.own_unmasked = unmasked(row);
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
  const Expr end = named("n_end", bounds.end);
  Attributes attributes{{"nonempty", ""}};
  if (bounds.masked) {
    const Expr unmasked = named("n_unmasked", bounds.unmasked);
    set(attributes, "unmasked", to_text(unmasked));
  }
  if (bounds.own_end) {
    set(attributes, "own", to_text(named("n_own", *bounds.own_end)));
    set(attributes, "own_unmasked", to_text(named("n_own_unmasked", *bounds.own_unmasked)));
  }
  body.push_back(for_loop({"n", 0, end, step}, std::move(loop_body), std::move(attributes)));
}

}  // namespace warpfinch
