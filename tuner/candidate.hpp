// The part of an evaluation that needs no GPU: generate, compile, look at the resources.
#pragma once

#include <functional>
#include <future>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "generator/config.hpp"
#include "generator/generate.hpp"
#include "generator/target.hpp"
#include "runtime/compiler.hpp"
#include "tuner/evaluation.hpp"

namespace warpfinch {

struct Candidate {
  std::string digest = {};                  // empty when nothing was generated
  std::string nvrtc = {};                   // empty when nothing was compiled
  std::optional<Rejection> rejection = {};  // why it goes no further
  std::string cubin = {};                   // cubin_digest(); empty when nothing was compiled
};

// Constraints, generation, compilation into the cache, spills and C75xx. Error (environment) when NVRTC is
// missing and the cache does not have the kernels, and after a stop.
Candidate prepare_candidate(const Problem& problem, const Config& config, const Target& target,
                            KernelCache& cache, const std::stop_token& stop = {});
// The same without compiling.
Candidate generate_candidate(const Problem& problem, const Config& config, const Target& target);

using Prepare = std::function<Candidate(const Problem&, const Config&)>;

// Prepares configs on threads, so that compiling runs beside measuring. Destroying it gives up what was not
// begun, and waits for the rest.
class Preparation {
 public:
  Preparation(const Problem& problem, const std::vector<Config>& configs, const Prepare& prepare,
              int threads);
  // Once per index; none after a stop. Throws what prepare threw: but not after a stop, which may have been
  // why it threw.
  std::optional<Candidate> get(size_t index, const std::stop_token& stop);

 private:
  void work(std::stop_token stop);

  const Problem& problem_;
  const std::vector<Config>& configs_;
  const Prepare& prepare_;
  std::vector<std::promise<Candidate>> promises_;
  std::vector<std::future<Candidate>> results_;
  std::atomic<size_t> next_ = 0;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

// Fills in what every evaluation says of its config, and where it is made.
Evaluation evaluation_of(const Machine& machine, const Problem& problem, const Config& config,
                         const Candidate& candidate);

}  // namespace warpfinch
