// Running plans and hand-made kernels in the emulator, for tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "generator/generate.hpp"
#include "runtime/accuracy.hpp"
#include "runtime/emulator/emulator.hpp"
#include "runtime/parallel.hpp"

namespace warpfinch::emulator {

// Kept between test programs: the same kernel is built once.
inline KernelCache& test_cache() {
  static KernelCache cache(std::string(WARPFINCH_BINARY_DIR) + "/tests/emulated-kernels");
  return cache;
}

inline Plan plan_for(const std::string& problem, const std::string& config) {
  const Problem parsed = parse_problem(problem);
  const auto plan = generate(parsed, parse_config(config, parsed), target_by_name("sm_90a"));
  EXPECT_TRUE(plan) << plan.rejection().stage << ": " << plan.rejection().reason;
  return *plan;
}

inline std::vector<std::shared_ptr<const BuiltKernel>> kernels_of(const Plan& plan) {
  std::vector<std::shared_ptr<const BuiltKernel>> kernels;
  for (const Launch& launch : plan.launches)
    kernels.push_back(load(launch.source, build_object(launch.source, test_cache())));
  return kernels;
}

inline std::vector<std::byte*> pointers_of(std::vector<HostTensor>& tensors) {
  std::vector<std::byte*> pointers;
  for (HostTensor& tensor : tensors) pointers.push_back(tensor.data.data());
  return pointers;
}

inline Report run_plan(const std::vector<std::shared_ptr<const BuiltKernel>>& kernels, const Plan& plan,
                       std::vector<HostTensor>& tensors, const Options& options, int multiprocessors = 3) {
  std::vector<std::byte> workspace(static_cast<size_t>(plan.workspace_bytes) + 256);
  std::byte* aligned = workspace.data() + 256 - reinterpret_cast<uintptr_t>(workspace.data()) % 256;
  return run(kernels, plan, pointers_of(tensors), aligned, multiprocessors, options);
}

// Kinds of the hazards of the plan under three schedules, each named once.
inline std::string kinds_under_schedules(const Plan& plan) {
  const auto kernels = kernels_of(plan);
  std::string kinds;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    std::vector<HostTensor> tensors = workload(plan.buffers, 7);
    for (const Hazard& hazard : run_plan(kernels, plan, tensors, {.schedule_seed = seed}).hazards)
      if (kinds.find(hazard.kind) == std::string::npos) kinds += hazard.kind + "; ";
  }
  return kinds;
}

// Every `from` in the text; a test of a text that has none fails.
inline void replace_all(std::string& text, const std::string& from, const std::string& to) {
  ASSERT_NE(text.find(from), std::string::npos) << from;
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

inline std::string text_of(const Report& report) {
  std::string text;
  for (const Hazard& hazard : report.hazards) text += hazard.text + "\n";
  return text;
}

inline void expect_clean_and_right(const std::vector<std::shared_ptr<const BuiltKernel>>& kernels,
                                   const Plan& plan, std::vector<HostTensor>& tensors, const Options& options,
                                   int multiprocessors = 3) {
  const Report report = run_plan(kernels, plan, tensors, options, multiprocessors);
  EXPECT_TRUE(report.clean()) << text_of(report);
  const Problem problem = parse_problem(plan.problem);
  const Accuracy accuracy = check_accuracy(problem, parse_config(plan.config, problem), tensors);
  EXPECT_TRUE(accuracy.right()) << accuracy.worst;
}

// Each element becomes f of its value, its matrix (batch and head), row and column; of q, k, v and o.
inline void map_elements(HostTensor& tensor,
                         const std::function<double(double, int64_t, int64_t, int64_t)>& f) {
  const Buffer& b = tensor.buffer;
  for (int64_t matrix = 0; matrix < b.shape[0] * b.shape[1]; ++matrix)
    for (int64_t row = 0; row < b.shape[2]; ++row)
      for (int64_t column = 0; column < b.shape[3]; ++column) {
        const int64_t at = matrix / b.shape[1] * b.strides[0] + matrix % b.shape[1] * b.strides[1] +
                           row * b.strides[2] + column * b.strides[3];
        store_element(tensor, at, f(load_element(tensor, at), matrix, row, column));
      }
}

inline void expect_right(const std::string& problem, const std::string& config,
                         std::initializer_list<uint64_t> seeds = {0, 1, 2}) {
  SCOPED_TRACE(problem + " / " + config);
  const Plan plan = plan_for(problem, config);
  const auto kernels = kernels_of(plan);
  std::vector<std::byte> first_outputs;
  for (uint64_t seed : seeds) {
    std::vector<HostTensor> tensors = workload(plan.buffers, 7);
    expect_clean_and_right(kernels, plan, tensors, {.schedule_seed = seed, .threads = machine_threads()});
    std::vector<std::byte> outputs;
    for (const HostTensor& tensor : tensors)
      if (tensor.buffer.output) outputs.insert(outputs.end(), tensor.data.begin(), tensor.data.end());
    if (first_outputs.empty()) first_outputs = outputs;
    EXPECT_TRUE(outputs == first_outputs) << "the result depends on the schedule";
  }
}

}  // namespace warpfinch::emulator
