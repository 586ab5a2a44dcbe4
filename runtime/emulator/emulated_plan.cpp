#include "runtime/emulator/emulated_plan.hpp"

#include <fmt/format.h>

#include "runtime/emulator/emulated_device.hpp"
#include "runtime/log.hpp"
#include "runtime/parallel.hpp"

namespace warpfinch::emulator {
namespace {

// What shows the plan again on the command line. A program's file is its kernel's name, as far as known here.
std::string line_to_paste(const Plan& plan, const Device& device, uint64_t seed) {
  const std::string what = plan.config.empty()
                               ? fmt::format("--program {}.tir", plan.problem)
                               : fmt::format("--problem \"{}\" --config \"{}\"", plan.problem, plan.config);
  return fmt::format("warpfinch run --device {} --schedule-seed {} {}", device.info().name, seed, what);
}

class EmulatedPlan final : public LoadedPlan {
 public:
  EmulatedPlan(std::shared_ptr<const Device> device, uint64_t seed, Plan plan,
               const std::vector<CompiledKernel>& kernels)
      : device_(std::move(device)), seed_(seed), plan_(std::move(plan)) {
    assert(kernels.size() == plan_.launches.size());
    for (size_t i = 0; i < kernels.size(); ++i)
      kernels_.push_back(emulator::load(plan_.launches[i].source, kernels[i].cubin));
  }
  const Plan& plan() const override { return plan_; }

  void launch(const std::vector<DevicePointer>& pointers, DevicePointer workspace, void*) const override {
    check_pointers(plan_, pointers, workspace);
    std::vector<std::byte*> buffers;
    for (DevicePointer pointer : pointers) buffers.push_back(reinterpret_cast<std::byte*>(pointer));
    Options options;
    options.schedule_seed = seed_;
    options.threads = machine_threads();
    Report report = run(kernels_, plan_, buffers, reinterpret_cast<std::byte*>(workspace),
                        device_->target().multiprocessors, options);
    logger()->info("emulated {}: {} blocks, {} threads, {} copies, {} products, {:.3f} s", plan_.problem,
                   report.blocks, report.threads, report.copies, report.products, report.seconds);
    if (!report.clean()) throw HazardError(std::move(report), line_to_paste(plan_, *device_, seed_));
  }

 private:
  std::shared_ptr<const Device> device_;
  uint64_t seed_;
  Plan plan_;
  std::vector<std::shared_ptr<const BuiltKernel>> kernels_;
};

std::string report_text(const Report& report, const std::string& reproduce) {
  std::string text;
  for (const Hazard& hazard : report.hazards) text += hazard.text + "\n\n";
  return text + "reproduce: " + reproduce;
}

}  // namespace

std::shared_ptr<const LoadedPlan> load_plan(std::shared_ptr<const Device> device, uint64_t schedule_seed,
                                            Plan plan, const std::vector<CompiledKernel>& kernels) {
  return std::make_shared<const EmulatedPlan>(std::move(device), schedule_seed, std::move(plan), kernels);
}

HazardError::HazardError(Report report, const std::string& reproduce)
    : Error(ErrorKind::environment, report_text(report, reproduce)), report_(std::move(report)) {}

HazardError HazardError::with_line(const std::string& reproduce) const {
  return HazardError(report_, reproduce);
}

std::string HazardError::summary() const {
  assert(!report_.clean());
  const Hazard& first = report_.hazards.front();
  const std::string more =
      report_.hazards.size() > 1 ? fmt::format("; and {} more", report_.hazards.size() - 1) : "";
  return fmt::format("{} (IR line {}{})", first.text.substr(0, first.text.find('\n')), first.ir_line, more);
}

}  // namespace warpfinch::emulator
