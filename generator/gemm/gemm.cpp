// GEMM with an epilogue, as a naive program.
#include "generator/builders.hpp"
#include "generator/operations.hpp"
#include "generator/text.hpp"

namespace warpfinch {

using namespace ir;

namespace {

constexpr const char* kLeading[] = {"x", "y", "z"};

// Symbols of the leading axes; the last of them is "z".
std::vector<Expr> leading(const Buffer& buffer) {
  const size_t count = buffer.shape.size() - 2;
  std::vector<Expr> result;
  for (size_t i = 0; i < count; ++i) result.push_back(symbol(kLeading[3 - count + i]));
  return result;
}

std::vector<Expr> with(std::vector<Expr> index, Expr row, Expr column) {
  index.push_back(std::move(row));
  index.push_back(std::move(column));
  return index;
}

void declare(Program& program, const Matmul& matmul, const GemmConfig& config) {
  const Expr m = symbol("m_tile"), n = symbol("n_tile"), k = symbol("k_tile");
  program.tensors = {param(matmul.a), param(matmul.b), param(matmul.c)};
  if (matmul.epilogue != Epilogue::none) program.tensors.push_back(param(matmul.bias));
  program.tensors.push_back(shared_tile("a", matmul.a.type, {m, k}, config.stages));
  program.tensors.push_back(matmul.b_transposed ? shared_tile("b", matmul.b.type, {n, k}, config.stages)
                                                : shared_tile("b", matmul.b.type, {k, n}, config.stages));
  program.tensors.push_back(register_tile("c", DataType::fp32, {m, n}));
  if (matmul.zeros_hide) program.tensors.push_back(row_values("unfit", m));
  if (matmul.epilogue == Epilogue::none) return;
  program.tensors.push_back(register_tile("bias", DataType::fp32, {n}));
  set(program.tensors.back().attributes, "columns");
}

// Rows that are not finite are computed once more without what zeros hide.
void append_zeros_hide(std::vector<Op>& body, const Matmul& matmul, const std::vector<Expr>& b_index) {
  const Operand a = global(matmul.a.name, with(leading(matmul.a), symbol("m"), 0)),
                b = global(matmul.b.name, with(b_index, 0, symbol("n")));
  Op repair = op("any_above", {tile("unfit"), number(0)}, {{"seldom", ""}});
  repair.body = {op("multiply_nonzeros", {tile("c"), tile("unfit"), a, b})};
  body.push_back(op("flag_outputs", {tile("unfit"), tile("c")}));
  body.push_back(std::move(repair));
}

std::vector<Op> tile_body(const Matmul& matmul) {
  const Expr m = symbol("m"), n = symbol("n"), k = symbol("k");
  std::vector<Expr> b_index = leading(matmul.b);
  if (!b_index.empty()) b_index.back() = b_index.back() / matmul.b_group;
  const Operand b = shared("b");

  std::vector<Op> inner;
  inner.push_back(op("load", {shared("a"), global(matmul.a.name, with(leading(matmul.a), m, k))}));
  inner.push_back(op(
      "load",
      {shared("b"), global(matmul.b.name, matmul.b_transposed ? with(b_index, n, k) : with(b_index, k, n))}));
  inner.push_back(
      op("mma", {tile("c"), shared("a"), matmul.b_transposed ? transposed(b) : b}, {{"accumulate", ""}}));

  std::vector<Op> body{op("fill", {tile("c"), number(0)})};
  body.push_back(for_loop({"k", 0, matmul.a.shape.back(), symbol("k_tile")}, std::move(inner)));
  if (matmul.zeros_hide) append_zeros_hide(body, matmul, b_index);
  if (matmul.alpha != 1) body.push_back(op("multiply", {tile("c"), tile("c"), number(matmul.alpha)}));
  if (matmul.epilogue != Epilogue::none) {
    body.push_back(op("load", {tile("bias"), global(matmul.bias.name, {n})}));
    body.push_back(op("add", {tile("c"), tile("c"), tile("bias")}));
  }
  if (matmul.epilogue == Epilogue::bias_gelu) body.push_back(op("gelu", {tile("c"), tile("c")}));
  body.push_back(op("store", {global(matmul.c.name, with(leading(matmul.c), m, n)), tile("c")}));
  return body;
}

}  // namespace

Program build_matmul(const Matmul& matmul, const GemmConfig& config, const Target& target) {
  Program program;
  program.name = matmul.kernel;
  program.attributes = {{"target", target.name}, {"copy", value_to_text(config.copy)}};
  program.constants = {
      {"m_tile", 64 * config.consumer_warpgroups}, {"n_tile", config.n_tile}, {"k_tile", config.k_tile}};
  declare(program, matmul, config);

  Op grid = op("grid", {}, {{"tile_order", value_to_text(config.tile_order)}});
  const std::vector<Expr> axes = leading(matmul.c);
  for (size_t i = 0; i < axes.size(); ++i) grid.ranges.push_back({axes[i].name, 0, matmul.c.shape[i], 1});
  grid.ranges.push_back({"m", 0, matmul.c.shape[axes.size()], symbol("m_tile")});
  grid.ranges.push_back({"n", 0, matmul.c.shape[axes.size() + 1], symbol("n_tile")});
  if (config.group > 1) set(grid.attributes, "group", number_to_text(config.group));
  grid.body = tile_body(matmul);
  program.body = {std::move(grid)};
  return program;
}

// --- the plan ---------------------------------------------------------------------------------------------
Config default_of(const Gemm&) { return {{GemmConfig{}}}; }
std::vector<Problem> kernels_of(const Gemm& gemm) { return {gemm}; }

PlannedKernels build_of(const Gemm& gemm, const Config& config, const Target& target) {
  const std::vector<Buffer> user = buffers_of(gemm);
  Matmul matmul{.kernel = "gemm",
                .a = user[0],
                .b = user[1],
                .c = user[2],
                .bias = {},
                .b_transposed = gemm.layout == GemmLayout::tn,
                .epilogue = gemm.epilogue,
                .alpha = gemm.alpha};
  if (gemm.epilogue != Epilogue::none) matmul.bias = user[3];
  return single(build_matmul(matmul, std::get<GemmConfig>(config.kernels[0]), target), user.size());
}

}  // namespace warpfinch
