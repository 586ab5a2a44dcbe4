// A product: what makes it canonical, its tensors, its work, and the words that the page for users has of it.
#include "generator/gemm/problem.hpp"

#include "generator/problem_checks.hpp"

namespace warpfinch {

Strides a_strides(const Gemm& gemm) {
  return given_or(gemm.a_strides, contiguous({gemm.batch, gemm.m, gemm.k}));
}
Strides b_strides(const Gemm& gemm) {
  const bool tn = gemm.layout == GemmLayout::tn;
  return given_or(gemm.b_strides, contiguous({gemm.batch, tn ? gemm.n : gemm.k, tn ? gemm.k : gemm.n}));
}
Strides c_strides(const Gemm& gemm) {
  return given_or(gemm.c_strides, contiguous({gemm.batch, gemm.m, gemm.n}));
}

Gemm canonical_of(Gemm gemm) {
  check_sizes(gemm);
  check_values(gemm);
  if (gemm.alpha != 0 && !is_normal_fp32(gemm.alpha))
    refuse<Gemm>(fmt::format("alpha={}: must be a finite number, 0 or {} or minus that, the range of fp32",
                             gemm.alpha, kNormalFp32));
  check_volume<Gemm>("a", {gemm.batch, gemm.m, gemm.k}, size_of(gemm.dtype));
  check_volume<Gemm>("b", {gemm.batch, gemm.n, gemm.k}, size_of(gemm.dtype));
  check_volume<Gemm>("c", {gemm.batch, gemm.m, gemm.n}, size_of(gemm.output));
  check_stride_count<Gemm>("a", gemm.a_strides, 3, "batch,row,column");
  check_stride_count<Gemm>("b", gemm.b_strides, 3, "batch,row,column");
  check_stride_count<Gemm>("c", gemm.c_strides, 3, "batch,row,column");
  for (const Buffer& buffer : buffers_of(gemm)) check_strides<Gemm>(buffer);
  Gemm packed = gemm;
  packed.a_strides = packed.b_strides = packed.c_strides = {};
  clear_if_default(gemm.a_strides, a_strides(packed));
  clear_if_default(gemm.b_strides, b_strides(packed));
  clear_if_default(gemm.c_strides, c_strides(packed));
  return gemm;
}

std::vector<Buffer> buffers_of(const Gemm& gemm) {
  const auto [batch, m, n, k] = std::array{gemm.batch, gemm.m, gemm.n, gemm.k};
  const bool tn = gemm.layout == GemmLayout::tn;
  std::vector<Buffer> result{
      {.name = "a", .type = gemm.dtype, .shape = {batch, m, k}, .strides = a_strides(gemm)},
      {.name = "b", .type = gemm.dtype, .shape = {batch, tn ? n : k, tn ? k : n}, .strides = b_strides(gemm)},
      {.name = "c", .type = gemm.output, .shape = {batch, m, n}, .strides = c_strides(gemm), .output = true}};
  if (gemm.epilogue != Epilogue::none)
    result.push_back({.name = "bias", .type = gemm.dtype, .shape = {n}, .strides = {1}});
  return result;
}

double flops_of(const Gemm& gemm) {
  return 2.0 * static_cast<double>(gemm.batch) * static_cast<double>(gemm.m) * static_cast<double>(gemm.n) *
         static_cast<double>(gemm.k);
}

ProblemWords words_of(const Gemm&) {
  return {
      {{"a", "the first factor"},
       {"b", "the second factor, transposed with layout=tn"},
       {"c", "the result"},
       {"bias", "with epilogue=bias or bias_gelu: what is added to every row"}},
      "half a unit of c in its type, and k 2^-24 |alpha| Σ |a| |b| or so for fp32 sums; times its slope "
      "with "
      "gelu (runtime/error_bounds.hpp derives it)",
      "A NaN or an infinity in a reaches its row of c, one in b its column, also with alpha=0; sums beyond "
      "fp32 are infinite.",
      "gemm batch=2 m=3 n=5 k=7 dtype=fp16 output=fp32 epilogue=bias"};
}

}  // namespace warpfinch
