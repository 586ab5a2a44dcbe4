// warpfinch show: one stage of a kernel's way from program to machine code, as text.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/compiler.hpp"
#include "tools/command.hpp"
#include "tools/disassemble.hpp"
#include "tools/output.hpp"
#include "tools/selection.hpp"

namespace warpfinch {
namespace {

struct Options {
  Selection selection;
  std::string stage = "passes";
  bool inlined = false;
};

// Prints one text of one kernel. The lead says which kernel it is where a plan has several.
void print_text(const Options& options, const std::string& kernel, const std::string& stage,
                const std::string& lead, const std::string& text) {
  if (options.selection.json) {
    print_json({{"kernel", kernel}, {"stage", stage}, {"text", text}});
    return;
  }
  print_out("{}{}{}", lead, text, text.ends_with('\n') ? "" : "\n");
}

// --- while the generator works: a program that is refused half way was printed so far ----------------
StageObserver print_first_stage(const Options& options) {
  return [&options](const std::string& kernel, const std::string& stage, const std::string& program) {
    if (stage == "build") print_text(options, kernel, stage, "", program);
  };
}

StageObserver print_every_stage(const Options& options) {
  return [&options](const std::string& kernel, const std::string& stage, const std::string& program) {
    print_text(options, kernel, stage, fmt::format("== after {}\n", stage), program);
  };
}

// --- of the finished plan ----------------------------------------------------------------------------
std::string cuda_text(const Options& options, const Launch& launch) {
  return options.inlined ? inlined(launch.source) : launch.source.kernel;
}

std::string ptx_text(const Options&, const Launch& launch) {
  return take(compile_to_ptx(launch.source), ErrorKind::input);
}

CompiledKernel compiled(const Launch& launch) {
  KernelCache cache;
  return take(compile(launch.source, cache), ErrorKind::input);
}

std::string sass_text(const Options&, const Launch& launch) { return disassemble(compiled(launch).cubin); }

std::string resource_text(const Launch& launch, const CompiledKernel& kernel) {
  const Resources& used = kernel.resources;
  std::string text = fmt::format(
      "registers        {}\nlaunch_registers {}\nspill_stores     {} bytes\nspill_loads      {} bytes\n"
      "stack            {} bytes\nbarriers         {}\nstatic_shared    {} bytes\ndynamic_shared   {} bytes\n"
      "threads          {}\ntiles            {}\nnvrtc            {}{}\n",
      used.registers, launch.launch_registers, used.spill_stores, used.spill_loads, used.stack_bytes,
      used.barriers, used.static_shared_bytes, launch.shared_bytes, launch.threads, launch.tiles,
      kernel.nvrtc, kernel.from_cache ? " (from the cache)" : "");
  for (const std::string& warning : used.warnings) text += "warning          " + warning + "\n";
  return text;
}

Json resource_json(const Launch& launch, const CompiledKernel& kernel) {
  const Resources& used = kernel.resources;
  return {{"kernel", launch.name},
          {"stage", "resources"},
          {"registers", used.registers},
          {"launch_registers", launch.launch_registers},
          {"spill_stores", used.spill_stores},
          {"spill_loads", used.spill_loads},
          {"stack_bytes", used.stack_bytes},
          {"barriers", used.barriers},
          {"static_shared_bytes", used.static_shared_bytes},
          {"dynamic_shared_bytes", launch.shared_bytes},
          {"threads", launch.threads},
          {"tiles", launch.tiles},
          {"nvrtc", kernel.nvrtc},
          {"from_cache", kernel.from_cache},
          {"seconds", kernel.seconds},
          {"warnings", used.warnings}};
}

std::string lead_of(const Plan& plan, size_t i) {
  if (plan.launches.size() == 1) return {};
  return fmt::format("// kernel {} of {}: {}\n", i + 1, plan.launches.size(), plan.launches[i].name);
}

void print_resources(const Options& options, const Plan& plan) {
  for (size_t i = 0; i < plan.launches.size(); ++i) {
    const CompiledKernel kernel = compiled(plan.launches[i]);
    if (options.selection.json)
      print_json(resource_json(plan.launches[i], kernel));
    else
      print_out("{}{}", lead_of(plan, i), resource_text(plan.launches[i], kernel));
  }
}

using TextOf = std::string (*)(const Options&, const Launch&);
void print_launches(const Options& options, const Plan& plan, TextOf text_of) {
  for (size_t i = 0; i < plan.launches.size(); ++i)
    print_text(options, plan.launches[i].name, options.stage, lead_of(plan, i),
               text_of(options, plan.launches[i]));
}

int show(const Options& options) {
  const StageObserver observe = options.stage == "ir"       ? print_first_stage(options)
                                : options.stage == "passes" ? print_every_stage(options)
                                                            : StageObserver();
  const Plan plan = choose_plan(options.selection, target_by_name(options.selection.target), observe).plan;
  if (options.stage == "cuda") print_launches(options, plan, cuda_text);
  if (options.stage == "ptx") print_launches(options, plan, ptx_text);
  if (options.stage == "sass") print_launches(options, plan, sass_text);
  if (options.stage == "resources") print_resources(options, plan);
  return 0;
}

}  // namespace

Command add_show(CLI::App& program) {
  CLI::App* app = program.add_subcommand("show", "Print one stage of the way from program to machine code");
  auto options = std::make_shared<Options>();
  add_problem_options(*app, options->selection);
  add_target_option(*app, options->selection);
  add_device_option(*app, options->selection);
  app->add_option("--stage", options->stage, "ir, passes, cuda, ptx, sass or resources")
      ->check(CLI::IsMember({"ir", "passes", "cuda", "ptx", "sass", "resources"}))
      ->capture_default_str();
  app->add_flag("--inlined", options->inlined, "cuda: the device headers too, as one text");
  add_json_option(*app, options->selection.json);
  return {app, [options] { return show(*options); }};
}

}  // namespace warpfinch
