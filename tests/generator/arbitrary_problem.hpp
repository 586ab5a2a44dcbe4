// Random legal problems for properties: small and odd sizes, every enum value, strides of every kind.
#pragma once

#include <rapidcheck.h>

#include <numeric>

#include "generator/problem.hpp"

namespace warpfinch {

// Uniform in [low, high): rapidcheck's own ranges grow with the number of cases and would mostly give `low`.
template <class Integer>
rc::Gen<Integer> uniform(Integer low, Integer high) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<Integer>(low, high));
}

template <class Enum>
Enum arbitrary_enum() {
  const int count = static_cast<int>(EnumNames<Enum>::names.size());
  return static_cast<Enum>(*uniform(0, count));
}

inline DataType arbitrary_16bit() { return *rc::gen::element(DataType::bf16, DataType::fp16); }

// Strides of a permuted, padded tensor; for an input one dimension may be broadcast. Empty half of the time.
inline Strides arbitrary_strides(const std::vector<int64_t>& shape, bool output) {
  if (*rc::gen::arbitrary<bool>()) return {};
  std::vector<size_t> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i-- > 1;) std::swap(order[i], order[*uniform<size_t>(0, i + 1)]);
  Strides strides(shape.size());
  int64_t covered = 1;
  for (size_t dimension : order) {
    strides[dimension] = covered + *uniform(0, 3);
    covered = strides[dimension] * shape[dimension];
  }
  if (!output && *uniform(0, 4) == 0) strides[*uniform<size_t>(0, shape.size())] = 0;
  return strides;
}

inline Gemm arbitrary_gemm() {
  const auto size = uniform<int64_t>(1, 600);
  Gemm gemm{.batch = *uniform<int64_t>(1, 4), .m = *size, .n = *size, .k = *size};
  gemm.dtype = arbitrary_16bit();
  gemm.output = arbitrary_enum<DataType>();
  gemm.layout = arbitrary_enum<GemmLayout>();
  gemm.epilogue = arbitrary_enum<Epilogue>();
  gemm.alpha = *rc::gen::element(1.0, 0.1, -2.5, 1e-30, 0.0);
  gemm.a_strides = arbitrary_strides({gemm.batch, gemm.m, gemm.k}, false);
  gemm.b_strides = arbitrary_strides({gemm.batch, gemm.n, gemm.k}, false);
  gemm.c_strides = arbitrary_strides({gemm.batch, gemm.m, gemm.n}, true);
  return gemm;
}

inline Softmax arbitrary_softmax() {
  const auto size = uniform<int64_t>(1, 3000);
  return {.batch = *uniform<int64_t>(1, 4),
          .rows = *size,
          .columns = *size,
          .dtype = arbitrary_enum<DataType>(),
          .mask = arbitrary_enum<Mask>(),
          .scale = *rc::gen::element(1.0, 0.125, 3.3)};
}

template <class Operation>
Operation arbitrary_attention() {
  Operation f;
  f.batch = *uniform<int64_t>(1, 4);
  f.kv_heads = *uniform<int64_t>(1, 4);
  f.q_heads = f.kv_heads * *uniform<int64_t>(1, 4);
  f.q_len = *uniform<int64_t>(1, 600);
  f.kv_len = *uniform<int64_t>(1, 600);
  f.head_dim = kHeadDims[*uniform<size_t>(0, kHeadDims.size())];
  // 0, the same as head_dim, half of the time.
  f.value_dim = *rc::gen::arbitrary<bool>() ? 0 : kHeadDims[*uniform<size_t>(0, kHeadDims.size())];
  f.dtype = arbitrary_16bit();
  f.mask = arbitrary_enum<Mask>();
  if (*uniform(0, 3) == 0) f.window_left = *uniform<int64_t>(0, 400);
  if (*uniform(0, 3) == 0) f.window_right = *uniform<int64_t>(0, 400);
  f.layout = arbitrary_enum<AttentionLayout>();
  f.scale = *rc::gen::element(0.0, 0.125, 0.3, 1 / std::sqrt(128.0));
  f.lse = *rc::gen::arbitrary<bool>();
  f.q_strides = arbitrary_strides({f.batch, f.q_heads, f.q_len, f.head_dim}, false);
  f.k_strides = arbitrary_strides({f.batch, f.kv_heads, f.kv_len, f.head_dim}, false);
  f.v_strides = arbitrary_strides({f.batch, f.kv_heads, f.kv_len, effective_value_dim(f)}, false);
  f.o_strides = arbitrary_strides({f.batch, f.q_heads, f.q_len, effective_value_dim(f)}, true);
  return f;
}

inline rc::Gen<Problem> arbitrary_problem() {
  return rc::gen::exec([]() -> Problem {
    switch (*uniform(0, 4)) {
      case 0:
        return canonical(arbitrary_gemm());
      case 1:
        return canonical(arbitrary_softmax());
      case 2:
        return canonical(arbitrary_attention<AttentionForward>());
      default:
        return canonical(arbitrary_attention<AttentionThreeKernel>());
    }
  });
}

// rapidcheck prints a failing problem as the text that reproduces it. (It finds this through the operations.)
inline void showValue(const Problem& problem, std::ostream& out) { out << to_text(problem); }

}  // namespace warpfinch

namespace rc {
template <>
struct Arbitrary<warpfinch::Problem> {
  static Gen<warpfinch::Problem> arbitrary() { return warpfinch::arbitrary_problem(); }
};
}  // namespace rc
