// Builders: what to compute, as a naive program. One role, nothing overlapped, tile sizes as named constants;
// the schedule that a config asks for stands in the program's attributes, where passes and readers find it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generator/config.hpp"
#include "generator/ir/program.hpp"
#include "generator/plan.hpp"
#include "generator/problem.hpp"
#include "generator/target.hpp"

namespace warpfinch {

// c[leading…, m, n] = epilogue(alpha * a[leading…, m, k] * b), where b is [leading…, n, k] or, not
// transposed, [leading…, k, n]. `b_group`: that many consecutive values of the last leading axis share one b
// (GQA).
struct Matmul {
  std::string kernel = "gemm";
  Buffer a, b, c, bias;  // names are the params' names; bias unused without an epilogue
  bool b_transposed = true;
  int64_t b_group = 1;
  Epilogue epilogue = Epilogue::none;
  double alpha = 1;
  bool zeros_hide = false;  // a[m, k] = 0 hides b[k, n], also where that is infinite or NaN
};
ir::Program build_matmul(const Matmul& matmul, const GemmConfig& config, const Target& target);

// y[z, i, :] = factor * softmax(scale * x[z, i, :]); lse [z, i] when it has a name.
struct RowSoftmax {
  Buffer x, y, lse;
  Band visible = {};
  double scale = 1;
  double factor = 1;  // a power of two
};
ir::Program build_row_softmax(const RowSoftmax& softmax, const SoftmaxConfig& config, const Target& target);

ir::Program build_attention_forward(const AttentionFields& fields, const AttentionConfig& config,
                                    const Target& target);

// What the rows of attention's row tiles are: the queries of one head, or, packed, those of all heads that
// share a KV head, query by query: row r is head r % group of query r / group.
struct RowTiles {
  int64_t heads, rows;  // heads that the grid walks over, rows of each
  int64_t group = 1;
};
RowTiles row_tiles(const AttentionFields& fields, const AttentionConfig& config);
// Tiles of the grid: of all heads and splits.
int64_t row_tile_count(const AttentionFields& fields, const AttentionConfig& config);
// Do they differ in length? Under a mask with one edge.
bool row_tiles_differ(const AttentionFields& fields);
// q, o or lse as a param of [batch, heads, rows(, dim)] in that sense.
ir::Tensor row_tiles_param(const Buffer& buffer, const RowTiles& tiles);

// Split-KV: each split writes its normalized rows, their softmax references and sums to the workspace, and a
// second kernel weighs and adds them. One number in place of the last two, the LSE, would carry its rounding
// into the weights.
struct SplitResults {
  Buffer o, reference, sum;  // fp32 [split, batch, heads, rows(, dim)]
};
SplitResults split_results(const AttentionFields& fields, const AttentionConfig& config);
// Keys of a split, a multiple of what a trip of the loop takes.
int64_t split_keys(const AttentionFields& fields, const AttentionConfig& config);
// A result's place: the caller's, or a split's in the workspace.
ir::Operand result(const AttentionConfig& config, const std::string& name, std::vector<ir::Expr> index);
ir::Program build_combine(const AttentionFields& fields, const AttentionConfig& config, const Target& target);

// Scale and max_offset of a row's exponentials, for every op that knows its reference.
ir::Attributes exponents(const AttentionFields& fields, const AttentionConfig& config);
// Are row tiles marked, and done again with always, where the reference did not fit?
bool may_do_again(const AttentionConfig& config);
// The same for ops of the loop over keys, which is for plain shifts.
ir::Attributes plain_exponents(const AttentionFields& fields, const AttentionConfig& config);
// The reference of a row that saw no key yet: below every score of a plain shift, and finite, so that nothing
// in the loop has to ask for it.
double no_key(const AttentionFields& fields, const AttentionConfig& config);

// The kernels of a problem's plan: one program per launch, and for every param of each where it points.
struct PlannedKernel {
  ir::Program program;
  std::vector<BufferRef> arguments;  // of the program's params, in order
};
struct PlannedKernels {
  std::vector<PlannedKernel> kernels;
  int64_t workspace_bytes = 0;
};
PlannedKernels build(const Problem& problem, const Config& config, const Target& target);
// A plan of one kernel whose params are the problem's buffers, in order.
PlannedKernels single(ir::Program program, size_t buffer_count);

// Pieces that builders share.
ir::Tensor param(const Buffer& buffer);
// Axis and the next one of a param as a single axis, the latter fastest.
ir::Tensor merge_axes(const ir::Tensor& param, size_t axis);
ir::Tensor shared_tile(std::string name, DataType type, std::vector<ir::Expr> shape, int stages = 0);
ir::Tensor register_tile(std::string name, DataType type, std::vector<ir::Expr> shape);
ir::Tensor row_values(std::string name, ir::Expr rows);
// The `scale` attribute of softmax ops: exponentials are taken to base 2, so scale * log2(e), as fp32.
std::string exponent_scale(double scale);
// The same as an operand, with no more digits than fp32 has.
ir::Operand exponent_operand(double scale);
// Adds the mask ops that a [rows, columns] plane needs; `tile` is the scores, `column` their first one.
// `ragged`: a tile may reach past the last column. `rows_per_query`: so many neighbouring rows see the same
// (packed heads); `rows` counts them once.
void append_mask(std::vector<ir::Op>& body, const std::string& tile, const Band& visible, int64_t rows,
                 int64_t columns, bool ragged, const ir::Expr& column = ir::symbol("n"),
                 int64_t rows_per_query = 1);
// Where the columns of a row tile begin and end, and from where up to where no mask op is needed; constants
// where nothing depends on the row.
struct ColumnBounds {
  ir::Expr end, unmasked;
  bool masked;  // does any tile need a mask op?
  ir::Expr begin = 0, unmasked_from = 0;
  // The same for a warpgroup's 64 rows, where they are told apart. Symbols: m and warpgroup.
  std::optional<ir::Expr> own_end = {}, own_unmasked = {};
};
// `tile`: the rows that share the bounds, where these are more than a block's own.
struct RowRange {
  ir::Expr first = ir::symbol("m"), count = ir::symbol("m_tile");
};
ColumnBounds column_bounds(const Band& visible, int64_t columns, int64_t column_tile,
                           bool per_warpgroup = false, int64_t rows_per_query = 1, const RowRange& tile = {});
// The part of them between two multiples of the step; symbols allowed. A range that is empty becomes one
// wholly masked step.
ColumnBounds columns_within(const ColumnBounds& bounds, const ir::Expr& from, const ir::Expr& to,
                            int64_t step);
// Divides O by the sums. Rows that came out wrong are marked to be done again and, in the second walk or
// where there is none, computed once more.
void append_normalize(std::vector<ir::Op>& body, const AttentionFields& fields,
                      const AttentionConfig& config);
// Stores the rows' LSE where it is asked for; of a split their reference and sum.
void append_state(std::vector<ir::Op>& body, const AttentionFields& fields, const AttentionConfig& config);
// `for n in begin .. end step`, with the bounds named by lets in front of it.
void append_column_loop(std::vector<ir::Op>& body, const ColumnBounds& bounds, const ir::Expr& step,
                        std::vector<ir::Op> loop_body);

}  // namespace warpfinch
