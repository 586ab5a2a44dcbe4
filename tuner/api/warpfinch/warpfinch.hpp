// Warpfinch for C++17 and later: the C interface (warpfinch.h has the meaning of every call) with lifetimes,
// values and exceptions. Header-only, so that the library exports C names only and does not tie its callers
// to one C++ runtime.
//
//   warpfinch::Engine engine("cuda:0");
//   warpfinch::Plan plan = engine.plan("attention_forward q_heads=16 q_len=1024 head_dim=64 dtype=fp16");
//   plan.launch({q, k, v, o}, stream);
#ifndef WARPFINCH_WARPFINCH_HPP
#define WARPFINCH_WARPFINCH_HPP

#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "warpfinch/warpfinch.h"

namespace warpfinch {
// Versioned, so that programs built against different versions of this header can share one process.
inline namespace v1 {

// A call failed. what() is one line; kind() says who has to act: the user (input) or the machine.
class Failure : public std::runtime_error {
 public:
  Failure(wf_status kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  wf_status kind() const noexcept { return kind_; }

 private:
  wf_status kind_;
};

inline void throw_unless_ok(wf_status status) {
  if (status != WF_OK) throw Failure(status, wf_last_error());
}

inline std::string version() { return wf_version(); }

// One tensor that the caller provides; strides in elements.
struct BufferInfo {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
  std::int64_t bytes = 0;
  int alignment = 1;
  bool output = false;
};

// What solves one problem. Copies share the same kernels and workspace; the last of them must outlive the
// work on the caller's streams. Thread-safe.
class Plan {
 public:
  // Takes over what wf_plan or wf_generate gave.
  explicit Plan(wf_plan_t* plan) : plan_(plan, wf_plan_close) {}

  std::string problem() const { return wf_plan_problem(get()); }
  std::string config() const { return wf_plan_config(get()); }
  double flops() const { return wf_plan_flops(get()); }
  std::size_t workspace_size() const { return wf_workspace_size(get()); }
  std::size_t kernel_count() const { return wf_plan_kernel_count(get()); }

  // A kernel's CUDA text, all headers in it.
  std::string cuda(std::size_t kernel = 0) const {
    const char* text = wf_plan_cuda(get(), kernel);
    if (!text) throw Failure(WF_ERROR_INPUT, wf_last_error());
    return text;
  }

  // In launch order.
  std::vector<BufferInfo> buffers() const {
    std::vector<BufferInfo> result;
    for (std::size_t i = 0; i < wf_plan_buffer_count(get()); ++i) {
      wf_buffer buffer = WF_BUFFER_INIT;
      throw_unless_ok(wf_plan_buffer(get(), i, &buffer));
      result.push_back({buffer.name,
                        buffer.dtype,
                        {buffer.shape, buffer.shape + buffer.rank},
                        {buffer.strides, buffer.strides + buffer.rank},
                        buffer.bytes,
                        buffer.alignment,
                        buffer.is_output != 0});
    }
    return result;
  }

  // Enqueues on `stream` (CUstream or cudaStream_t; nullptr: the legacy default stream) and returns.
  // What lies at the pointers has to be as buffers() says: type, shape and strides cannot be checked here.
  // workspace: workspace_size() bytes of device memory, one piece per launch in flight; nullptr: the plan's
  // own (see wf_launch), so that launches of all its copies have to run one after another.
  void launch(std::initializer_list<void*> buffers, void* stream = nullptr, void* workspace = nullptr) const {
    enqueue(buffers.begin(), nullptr, buffers.size(), stream, workspace);
  }
  void launch(const std::vector<void*>& buffers, void* stream = nullptr, void* workspace = nullptr) const {
    enqueue(buffers.data(), nullptr, buffers.size(), stream, workspace);
  }
  // The same with the buffers' names, in any order: launch_by_name({{"q", q}, {"o", o}, …}, stream).
  void launch_by_name(const std::vector<std::pair<std::string, void*>>& buffers, void* stream = nullptr,
                      void* workspace = nullptr) const {
    std::vector<void*> pointers;
    std::vector<const char*> names;
    for (const auto& [name, pointer] : buffers) {
      names.push_back(name.c_str());
      pointers.push_back(pointer);
    }
    enqueue(pointers.data(), names.data(), pointers.size(), stream, workspace);
  }
  // Everything that a launch can be told.
  void launch(const wf_launch_args& args) const { throw_unless_ok(wf_launch(get(), &args)); }

  wf_plan_t* get() const noexcept { return plan_.get(); }

 private:
  void enqueue(void* const* pointers, const char* const* names, std::size_t count, void* stream,
               void* workspace) const {
    wf_launch_args args = WF_LAUNCH_ARGS_INIT;
    args.buffers = pointers;
    args.buffer_names = names;
    args.buffer_count = count;
    args.stream = stream;
    args.workspace = workspace;
    args.workspace_size = workspace ? workspace_size() : 0;
    launch(args);
  }

  std::shared_ptr<wf_plan_t> plan_;
};

// CUDA text, buffers and config of a problem, without a GPU. An empty config: the best by the static model.
inline Plan generate(const std::string& problem, const std::string& config = {},
                     const std::string& target = "sm_90a") {
  wf_plan_t* plan = nullptr;
  throw_unless_ok(wf_generate(problem.c_str(), config.c_str(), target.c_str(), &plan));
  return Plan(plan);
}

// A device and a database of configs. Copies share them. Thread-safe.
class Engine {
 public:
  // Returns false to end the run.
  using Progress = std::function<bool(const wf_progress&)>;

  // database: a file; std::nullopt: the user's own; "": none.
  explicit Engine(const std::string& device = "cuda:0",
                  const std::optional<std::string>& database = std::nullopt) {
    wf_engine_t* engine = nullptr;
    throw_unless_ok(wf_engine_open(device.c_str(), database ? database->c_str() : nullptr, &engine));
    engine_.reset(engine, wf_engine_close);
  }

  // An empty config: the database's, else a shipped one, else the best by the static model.
  Plan plan(const std::string& problem, const std::string& config = {}) const {
    wf_plan_t* plan = nullptr;
    throw_unless_ok(wf_plan(get(), problem.c_str(), config.c_str(), &plan));
    return Plan(plan);
  }

  // Spends the budget ("60s", "10m", "1h" or "200" evaluations) on finding a better config. An exception of
  // `progress` ends the run and comes out here.
  void tune(const std::string& problem, const std::string& budget, std::uint64_t seed = 0,
            const Progress& progress = {}) const {
    Watcher watcher{progress, nullptr};
    wf_tune_args args = WF_TUNE_ARGS_INIT;
    args.problem = problem.c_str();
    args.budget = budget.c_str();
    args.seed = seed;
    args.progress = progress ? &Watcher::watch : nullptr;
    args.user_data = &watcher;
    const wf_status status = wf_tune(get(), &args);
    if (watcher.thrown) std::rethrow_exception(watcher.thrown);
    throw_unless_ok(status);
  }

  // Ends every tune() that runs on this engine now, from another thread; what they found is kept.
  void stop_tuning() const { throw_unless_ok(wf_stop_tuning(get())); }

  wf_engine_t* get() const noexcept { return engine_.get(); }

 private:
  struct Watcher {
    const Progress& progress;
    std::exception_ptr thrown;
    static int watch(const wf_progress* state, void* self) noexcept {
      Watcher& watcher = *static_cast<Watcher*>(self);
      try {
        return watcher.progress(*state) ? 0 : 1;
      } catch (...) {
        watcher.thrown = std::current_exception();
        return 1;
      }
    }
  };

  std::shared_ptr<wf_engine_t> engine_;
};

}  // namespace v1
}  // namespace warpfinch

#endif  // WARPFINCH_WARPFINCH_HPP
