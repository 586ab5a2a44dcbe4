#include "runtime/emulator/emulated_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "runtime/emulator/emulated_device.hpp"
#include "runtime/emulator/run_line.hpp"
#include "runtime/log.hpp"

namespace warpfinch::emulator {
namespace {

// How the plan is shown again on the command line, on inputs of its own: the caller's are not known there. Of
// a program only the kernel's name is known here, not the file.
std::string how_to_reproduce(const Plan& plan, const Device& device) {
  RunLine line{.device = device.info().id, .problem = plan.problem, .config = plan.config};
  if (!plan.config.empty()) return to_text(line);
  line.program = "FILE";
  return fmt::format("{}  # FILE: the text of your program {}", to_text(line), plan.problem);
}

class EmulatedPlan final : public LoadedPlan {
 public:
  EmulatedPlan(std::shared_ptr<const Device> device, const Options& options, Plan plan,
               const std::vector<CompiledKernel>& kernels)
      : device_(std::move(device)), options_(options), plan_(std::move(plan)) {
    assert(kernels.size() == plan_.launches.size());
    for (size_t i = 0; i < kernels.size(); ++i)
      kernels_.push_back(emulator::load(plan_.launches[i].source, kernels[i].cubin));
  }
  const Plan& plan() const override { return plan_; }

  void launch(const std::vector<DevicePointer>& pointers, DevicePointer workspace, void*) const override {
    check_pointers(plan_, pointers, workspace);
    std::vector<std::byte*> buffers;
    for (DevicePointer pointer : pointers) buffers.push_back(reinterpret_cast<std::byte*>(pointer));
    Report report = run(kernels_, plan_, buffers, reinterpret_cast<std::byte*>(workspace),
                        device_->target().multiprocessors, options_);
    logger()->info("emulated {}: {} blocks, {} threads, {} copies, {} products, {:.3f} s", plan_.problem,
                   report.blocks, report.threads, report.copies, report.products, report.seconds);
    if (!report.clean()) throw HazardError(std::move(report), how_to_reproduce(plan_, *device_));
  }

 private:
  std::shared_ptr<const Device> device_;
  Options options_;
  Plan plan_;
  std::vector<std::shared_ptr<const BuiltKernel>> kernels_;
};

std::string report_text(const Report& report, const std::string& reproduce) {
  std::string text;
  for (const Hazard& hazard : report.hazards) text += hazard.text + "\n\n";
  return text + "reproduce: " + reproduce;
}

}  // namespace

std::shared_ptr<const LoadedPlan> load_plan(std::shared_ptr<const Device> device, const Options& options,
                                            Plan plan, const std::vector<CompiledKernel>& kernels) {
  return std::make_shared<const EmulatedPlan>(std::move(device), options, std::move(plan), kernels);
}

HazardError::HazardError(Report report, const std::string& reproduce)
    : Error(ErrorKind::environment, report_text(report, reproduce)), report_(std::move(report)) {}

HazardError HazardError::with_line(const std::string& reproduce) const {
  return HazardError(report_, reproduce);
}

std::string HazardError::summary() const {
  assert(!report_.clean());
  const Hazard& first = report_.hazards.front();
  std::vector<std::string> remarks;
  if (first.ir_line > 0) remarks.push_back(fmt::format("IR line {}", first.ir_line));
  if (const size_t others = report_.hazards.size() - 1; others > 0)
    remarks.push_back(fmt::format("{} more hazard{}", others, others > 1 ? "s" : ""));
  const std::string head = first.text.substr(0, first.text.find('\n'));
  return remarks.empty() ? head : fmt::format("{} ({})", head, fmt::join(remarks, "; "));
}

}  // namespace warpfinch::emulator
