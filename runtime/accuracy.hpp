// Is an output right? Reference: Eigen, float64 accumulation over the rounded inputs. Each element has a
// bound, derived in error_bounds.hpp from what a right kernel may do; error 1 is the bound.
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

// Does a kernel of that config round Q once more, when it scales it?
bool rounds_scaled_q(const Config& config);

// tensors: every buffer of the problem, in order, outputs as the kernel left them. Above 1 TFLOP the
// reference samples at least 64 rows per head (first and last rows and tile edges included); that every
// element was written is checked always. Uses at most `threads` threads.
Accuracy check_accuracy(const Problem& problem, const std::vector<HostTensor>& tensors, int threads = 2);
// The same of a kernel of that config, which may be meant to round more.
Accuracy check_accuracy(const Problem& problem, const Config& config, const std::vector<HostTensor>& tensors,
                        int threads = 2, double sample_above_flops = kSampleAboveFlops);

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
