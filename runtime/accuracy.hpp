// Is an output right? Reference: Eigen, float64 accumulation over the rounded inputs. Bound per element, with
// u = 2^-9 for bf16 and 2^-12 for fp16:
// - attention: |o - o64| <= 2u (|o64| + sum_j p_j |v_j|), the rounding of O and of P; LSE: |l - l64| <=
//   1e-4 max(1, |l64|), and -inf must be -inf. Where the config rounds the scaled Q (scale_q=true) a score
//   moves by up to e = u scale max_j sum |q| |k_j|: (exp(2e) - 1) sum_j p_j |v_j| and e come to the bounds.
// - gemm: 2u (|c64| + |alpha| sum |a||b|) for 16-bit output; fp32 output: k 2^-23 |alpha| sum |a||b| +
//   2^-23 |c64| (the standard bound of an inner product, gamma_k, with the truncating adders of tensor
//   cores). The epilogue is applied in float64; gelu's derivative is below 1.13: its bound is multiplied by
//   that.
// - softmax: 2u * 2 p64; fp32 output: (2^-20 + 2^-21 max |scale x|) p64 (reference_softmax.cpp says why).
// To each bound comes half the smallest subnormal of the output's type, which no rounding can beat.
#pragma once

#include <string>
#include <vector>

#include "generator/config.hpp"
#include "generator/problem.hpp"
#include "runtime/reference.hpp"
#include "runtime/workload.hpp"

namespace warpfinch {

struct Accuracy {
  double max_error = 0;  // largest |o - o64| / bound; infinity for NaN or an element that was not written
  double error_bound = 1;
  std::string worst;    // "o[0,3,17,5] = 0.25, should be 0.5 (bound 0.001)"
  int64_t checked = 0;  // elements compared
  bool right() const { return max_error <= error_bound; }
};

// tensors: every buffer of the problem, in order, outputs as the kernel left them. Above 1 TFLOP the
// reference samples at least 64 rows per head (first and last rows and tile edges included); that every
// element was written is checked always. Uses at most `threads` threads.
Accuracy check_accuracy(const Problem& problem, const std::vector<HostTensor>& tensors, int threads = 2);
// The same of a kernel of that config, which may be meant to round more.
Accuracy check_accuracy(const Problem& problem, const Config& config, const std::vector<HostTensor>& tensors,
                        int threads = 2);

// The same for many outputs of the same inputs, such as the candidates of a tuning run: the reference is
// computed once and kept, unless it would take more than `memory_limit` bytes. A smaller `sample_above_flops`
// makes it sample earlier.
class AccuracyCheck {
 public:
  AccuracyCheck(const Problem& problem, const std::vector<HostTensor>& inputs, int threads = 2,
                int64_t memory_limit = int64_t{2} << 30, double sample_above_flops = kSampleAboveFlops,
                bool scaled_q = false);
  // tensors: as above; their inputs are those of the constructor.
  Accuracy operator()(const std::vector<HostTensor>& tensors) const;

 private:
  Problem problem_;
  int threads_;
  bool scaled_q_, sampled_, kept_ = false;
  std::vector<ReferenceBlock> blocks_;
};

// The reference outputs, rounded to nowhere (double), for small problems: one vector per output buffer, in
// C order of its shape.
std::vector<std::vector<double>> reference(const Problem& problem, const std::vector<HostTensor>& tensors);

}  // namespace warpfinch
