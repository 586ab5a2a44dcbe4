// The worker process: holds the GPU, believes the parent, may be killed at any moment. Protocol:
// worker_evaluator.hpp.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "generator/generate.hpp"
#include "runtime/accuracy.hpp"
#include "runtime/compiler.hpp"
#include "runtime/device_memory.hpp"
#include "runtime/measure.hpp"
#include "tuner/evaluation_json.hpp"
#include "tuner/evaluators.hpp"
#include "tuner/gpu_lock.hpp"
#include "tuner/source_digest.hpp"

namespace warpfinch {

namespace {

constexpr uint64_t kSeed = 1;  // the inputs of every run are the same
// Above so many FLOP rows are sampled: the reference of a big problem would cost more than all its
// candidates.
constexpr double kSampleAboveFlops = 5e10;
// A candidate whose fastest sample of three is slower than the incumbent's median by this gets no more of
// them: samples of one kernel differ by less (1 % below 150 us, 10 % where heat decides).
constexpr double kLostBeyond = 1.15;
constexpr int kPoison = 0xff;  // every byte 0xff is a NaN in bf16, fp16 and fp32

// Standard output belongs to the protocol; whatever else prints goes to standard error.
class Answers {
 public:
  Answers() : file_(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) { dup2(STDERR_FILENO, STDOUT_FILENO); }

  void say(const Json& json) const {
    const std::string line = to_line(json) + "\n";
    for (size_t sent = 0; sent < line.size();) {
      const ssize_t count = write(file_, line.data() + sent, line.size() - sent);
      if (count <= 0 && errno != EINTR) std::_Exit(1);  // nobody listens any more
      if (count > 0) sent += static_cast<size_t>(count);
    }
  }

 private:
  int file_;
};

// The GPU waits meanwhile, so every core may work on the reference.
int host_threads() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

// Inputs of a problem, their place on the device, and what should come of them.
struct Trial {
  InputKind kind;
  std::vector<HostTensor> tensors;
  AccuracyCheck check;  // keeps the reference, which costs more than many candidates
  std::vector<DevicePointer> pointers = {};
};

Trial make_trial(const Problem& problem, InputKind kind) {
  std::vector<HostTensor> tensors = workload(buffers(problem), kSeed, 1, kind);
  AccuracyCheck check(problem, tensors, host_threads(), int64_t{1} << 30, kSampleAboveFlops);
  return {kind, std::move(tensors), std::move(check)};
}

// The buffers of a problem, on both sides; they stay between candidates.
class Bench {
 public:
  // Of the inputs that do not average out the identity is enough here: each output is a sum of few positive
  // weights or a single factor, which a config that takes a tile twice, leaves one out or rescales wrongly
  // does not get right. What the others show, weights that are lost to a type, no config changes.
  Bench(std::shared_ptr<Device> device, const Problem& problem)
      : device_(std::move(device)),
        trials_{make_trial(problem, InputKind::random), make_trial(problem, InputKind::identity)} {
    for (Trial& trial : trials_)
      for (const HostTensor& tensor : trial.tensors)
        trial.pointers.push_back(tensor.buffer.output && &trial != &trials_.front()
                                     ? trials_.front().pointers[trial.pointers.size()]
                                     : place(tensor));
  }

  // Outputs and workspace are poisoned first: what a kernel does not write, or reads before it has written
  // it, is seen.
  void run(const LoadedPlan& plan) {
    reserve_workspace(static_cast<size_t>(plan.plan().workspace_bytes));
    for (Trial& trial : trials_) {
      if (workspace_) workspace_->fill(kPoison);
      for (DeviceMemory& output : outputs_) output.fill(kPoison);
      plan.launch(trial.pointers, workspace(), nullptr);
      synchronize(*device_);
      auto output = outputs_.begin();
      for (HostTensor& tensor : trial.tensors)
        if (tensor.buffer.output) (output++)->download(tensor.data.data(), tensor.data.size());
    }
  }

  // The worst of the trials; it says of which inputs where they are not the random ones.
  Accuracy check() const {
    Accuracy worst = trials_.front().check(trials_.front().tensors);
    for (size_t i = 1; i < trials_.size(); ++i) {
      Accuracy accuracy = trials_[i].check(trials_[i].tensors);
      accuracy.worst += fmt::format(" (inputs {})", value_to_text(trials_[i].kind));
      if (accuracy.max_error > worst.max_error) worst = std::move(accuracy);
    }
    return worst;
  }

  // In alternation with the fastest so far: a candidate alone, after the seconds in which the next ones
  // compiled and the GPU cooled, would meet higher clocks than one measured under load.
  Measurement time(const std::shared_ptr<const LoadedPlan>& plan) {
    if (!incumbent_) {
      incumbent_ = plan;
      return measure(*device_, *plan, trials_.front().pointers, workspace());
    }
    auto both = measure_interleaved(*device_, {incumbent_.get(), plan.get()}, trials_.front().pointers,
                                    workspace(), {.lost_beyond = kLostBeyond});
    if (both.at(1).median_us < both.at(0).median_us) incumbent_ = plan;
    return both.at(1);
  }

 private:
  DevicePointer place(const HostTensor& tensor) {
    DeviceMemory& memory =
        (tensor.buffer.output ? outputs_ : inputs_).emplace_back(device_, tensor.data.size());
    if (!tensor.buffer.output) memory.upload(tensor.data.data(), tensor.data.size());
    return memory.pointer();
  }

  // Only grows: the incumbent needs what it had.
  void reserve_workspace(size_t bytes) {
    if (bytes == 0 || (workspace_ && workspace_->bytes() >= bytes)) return;
    workspace_.reset();
    workspace_ = std::make_unique<DeviceMemory>(device_, bytes);
  }
  DevicePointer workspace() const { return workspace_ ? workspace_->pointer() : 0; }

  std::shared_ptr<Device> device_;
  std::vector<Trial> trials_;
  std::vector<DeviceMemory> inputs_, outputs_;
  std::unique_ptr<DeviceMemory> workspace_;
  std::shared_ptr<const LoadedPlan> incumbent_;
};

std::filesystem::path lock_file(const KernelCache& cache, const Device& device) {
  if (cache.directory().empty()) return {};
  return cache.directory() / "locks" / fmt::format("gpu-{}.lock", device.info().uuid);
}

class Worker {
 public:
  Worker(const Answers& answers, std::shared_ptr<Device> device)
      : answers_(answers), device_(std::move(device)), gpu_(lock_file(cache_, *device_)) {}

  // false: the context is dead, and so must be this process.
  bool serve(const std::string& line) {
    const Json request = object_from_line(line);
    id_ = request.value("id", 0);
    const auto text = request.at("problem").get<std::string>();
    const Problem problem = parse_problem(text);
    const auto plan = load(problem, parse_config(request.at("config").get<std::string>(), problem));
    if (!plan) return true;
    prepare_bench(text, problem);
    try {
      examine(*plan);
      return true;
    } catch (const Error& error) {
      Json last = rejection({"crash", error.what()});
      last["ending"] = true;
      answers_.say(last);
      return false;
    }
  }

 private:
  using Loaded = std::shared_ptr<const LoadedPlan>;

  // From the cache that the parent filled; where that cannot be written, compiled once more.
  std::optional<Loaded> load(const Problem& problem, const Config& config) {
    step("compile");
    Expected<Plan> plan = generate(problem, config, device_->target());
    if (!plan) return answers_.say(rejection(plan.rejection())), std::nullopt;
    const auto kernels = compile(*plan, *device_, cache_, 1);
    if (!kernels) return answers_.say(rejection(kernels.rejection())), std::nullopt;
    answers_.say(Json{{"id", id_}, {"cubin", cubin_digest(*plan, *kernels)}});
    try {
      return LoadedPlan::load(device_, std::move(*plan), *kernels);
    } catch (const Error& error) {
      return answers_.say(rejection({"load", error.what()})), std::nullopt;
    }
  }

  void prepare_bench(const std::string& text, const Problem& problem) {
    if (bench_ && bench_problem_ == text) return;
    step("inputs");
    bench_.reset();
    bench_ = std::make_unique<Bench>(device_, problem);
    bench_problem_ = text;
  }

  // What runs on the GPU has it to itself: other workers of this user wait, and go on compiling meanwhile.
  template <class Work>
  auto alone(const char* name, const Work& work) {
    step("wait");
    const std::lock_guard lock(gpu_);
    step(name);
    return work();
  }

  void examine(const Loaded& plan) {
    alone("run", [&] { bench_->run(*plan); });
    step("check");
    const Accuracy accuracy = bench_->check();
    answers_.say(
        Json{{"id", id_}, {"accuracy", {{"max_error", accuracy.max_error}, {"worst", accuracy.worst}}}});
    if (!accuracy.right())
      return answers_.say(rejection({"correctness", fmt::format("error {:.3g} times the bound: {}",
                                                                accuracy.max_error, accuracy.worst)}));
    Measurement measurement = alone("measure", [&] { return bench_->time(plan); });
    measurement.max_error = accuracy.max_error;
    answers_.say(Json{{"id", id_}, {"measurement", to_json(measurement)}});
  }

  void step(const char* name) const { answers_.say(Json{{"id", id_}, {"step", name}}); }
  Json rejection(const Rejection& why) const {
    return Json{{"id", id_}, {"rejection", {{"stage", why.stage}, {"reason", why.reason}}}};
  }

  const Answers& answers_;
  std::shared_ptr<Device> device_;
  KernelCache cache_;
  GpuLock gpu_;
  int id_ = 0;
  std::unique_ptr<Bench> bench_;
  std::string bench_problem_;
};

}  // namespace

int worker_main(const std::string& device) {
  const Answers answers;
  try {
    Worker worker(answers, Device::open(device));
    answers.say(Json{{"ready", true}});
    for (std::string line; std::getline(std::cin, line);)
      // Not through destructors: each would ask a dead context to free its memory.
      if (!worker.serve(line)) std::_Exit(1);
    return 0;
  } catch (const std::exception& error) {
    answers.say(Json{{"error", error.what()}});
    std::_Exit(1);
  }
}

}  // namespace warpfinch
