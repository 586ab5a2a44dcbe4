// Preparing candidates, one after another or on threads.
#include "tuner/candidate.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

#include "generator/config_space.hpp"
#include "tuner/source_digest.hpp"

namespace warpfinch {

namespace {

constexpr std::chrono::milliseconds kLook(50);  // how often a stop is looked for

Candidate rejected(Rejection rejection, std::string digest = {}, std::string nvrtc = {},
                   std::string cubin = {}) {
  return {std::move(digest), std::move(nvrtc), std::move(rejection), std::move(cubin)};
}

// The cheap tests first; a plan comes out or the candidate that failed.
Expected<Plan> checked_plan(const Problem& problem, const Config& config, const Target& target) {
  if (auto violated = check(problem, config, target)) return *violated;
  return generate(problem, config, target);
}

}  // namespace

Candidate generate_candidate(const Problem& problem, const Config& config, const Target& target) {
  const Expected<Plan> plan = checked_plan(problem, config, target);
  if (!plan) return rejected(plan.rejection());
  return {source_digest(*plan), {}, std::nullopt};
}

Candidate prepare_candidate(const Problem& problem, const Config& config, const Target& target,
                            KernelCache& cache, const std::stop_token& stop) {
  const Expected<Plan> plan = checked_plan(problem, config, target);
  if (!plan) return rejected(plan.rejection());
  const std::string digest = source_digest(*plan);
  // One thread here: the parallelism is over candidates.
  const auto kernels = compile(*plan, cache, 1, stop);
  if (!kernels) return rejected(kernels.rejection(), digest, nvrtc_version());
  const std::string nvrtc = kernels->empty() ? std::string() : kernels->front().nvrtc;
  const std::string cubin = cubin_digest(*plan, *kernels);
  for (const CompiledKernel& kernel : *kernels)
    if (auto slow = check_resources(kernel)) return rejected(*slow, digest, nvrtc, cubin);
  return {digest, nvrtc, std::nullopt, cubin};
}

Preparation::Preparation(const Problem& problem, const std::vector<Config>& configs, const Prepare& prepare,
                         int threads)
    : problem_(problem), configs_(configs), prepare_(prepare), promises_(configs.size()) {
  for (auto& promise : promises_) results_.push_back(promise.get_future());
  const size_t count =
      std::clamp<size_t>(static_cast<size_t>(std::max(threads, 1)), 1, std::max<size_t>(configs.size(), 1));
  for (size_t i = 0; i < count; ++i) threads_.emplace_back([this](std::stop_token stop) { work(stop); });
}

void Preparation::work(std::stop_token stop) {
  for (size_t i = next_++; i < configs_.size() && !stop.stop_requested(); i = next_++) {
    try {
      promises_[i].set_value(prepare_(problem_, configs_[i]));
    } catch (...) {
      promises_[i].set_exception(std::current_exception());
    }
  }
}

std::optional<Candidate> Preparation::get(size_t index, const std::stop_token& stop) {
  std::future<Candidate>& result = results_.at(index);
  if (stop.stop_possible())
    while (!stop.stop_requested() && result.wait_for(kLook) != std::future_status::ready) continue;
  if (stop.stop_requested()) return std::nullopt;
  return result.get();
}

Evaluation evaluation_of(const Machine& machine, const Problem& problem, const Config& config,
                         const Candidate& candidate) {
  Evaluation evaluation{machine};
  evaluation.problem = to_text(problem);
  evaluation.config = to_text(config);
  evaluation.digest = candidate.digest;
  evaluation.nvrtc = candidate.nvrtc;
  evaluation.cubin = candidate.cubin;
  evaluation.provider_version = WARPFINCH_VERSION;
  evaluation.time = utc_time();
  if (candidate.rejection) evaluation.outcome = *candidate.rejection;
  return evaluation;
}

}  // namespace warpfinch
