// Build → passes → verify → emit → plan.
#include "generator/generate.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "generator/builders.hpp"
#include "generator/config_space.hpp"
#include "generator/emit/emit.hpp"
#include "generator/lower/cp_async.hpp"
#include "generator/lower/passes.hpp"
#include "generator/lower/tensors.hpp"
#include "generator/lower/walk.hpp"

namespace warpfinch {
namespace {

constexpr int kTmaAlignment = 16;  // of the tensor's address and strides, bytes; and of cp.async's

std::vector<int64_t> extents_of(const ir::Tensor& param) {
  std::vector<int64_t> shape;
  for (const ir::Expr& extent : param.shape) shape.push_back(ir::value(extent));
  return shape;
}

TensorMap tensor_map(const ir::Tensor& param, const emit::KernelParameter& parameter) {
  TensorMap map{.type = param.type,
                .shape = extents_of(param),
                .byte_strides = {},
                .box = {},
                .swizzle = parameter.swizzle};
  const std::vector<int64_t> strides = lower::strides_of(param);
  for (size_t d = 0; d + 1 < strides.size(); ++d) {
    // The stride of a single element is never used, but must be a legal one.
    const int64_t bytes = map.shape[d] == 1 ? kTmaAlignment : strides[d] * size_of(param.type);
    map.byte_strides.push_back(bytes);
  }
  map.box.assign(map.shape.size(), 1);
  map.box[map.box.size() - 2] = parameter.box_rows;
  map.box[map.box.size() - 1] = parameter.box_columns;
  std::reverse(map.shape.begin(), map.shape.end());
  std::reverse(map.byte_strides.begin(), map.byte_strides.end());
  std::reverse(map.box.begin(), map.box.end());
  return map;
}

// What the caller hands over for a param: its packed axis as the two that it is made of.
Buffer buffer_of(const ir::Tensor& param) {
  Buffer buffer{param.name, param.type, extents_of(param), lower::strides_of(param),
                ir::has(param.attributes, "out")};
  if (const auto packed = lower::packed_axis(param)) {
    const auto axis = static_cast<int64_t>(packed->axis);
    buffer.shape[packed->axis] /= packed->count;
    buffer.shape.insert(buffer.shape.begin() + axis + 1, packed->count);
    buffer.strides.insert(buffer.strides.begin() + axis + 1, packed->stride);
  }
  return buffer;
}

std::vector<const ir::Tensor*> params_of(const ir::Program& program) {
  std::vector<const ir::Tensor*> params;
  for (const ir::Tensor& tensor : program.tensors)
    if (tensor.space == ir::Space::global) params.push_back(&tensor);
  return params;
}

// The launch of one program whose params point where `places` says.
Launch launch_of(const lower::LoweredProgram& lowered, const std::vector<BufferRef>& places,
                 const Target& target, std::vector<std::string> title) {
  const ir::Program& program = lowered.walked;
  Launch launch;
  launch.name = program.name;
  launch.program = ir::print(lowered.scheduled);
  launch.source = emit::emit(program, target, title);
  const std::vector<const ir::Tensor*> params = params_of(program);
  for (const emit::KernelParameter& parameter : emit::kernel_parameters(program, target)) {
    const auto is_it = [&](const ir::Tensor* param) { return param->name == parameter.param; };
    const size_t i = std::find_if(params.begin(), params.end(), is_it) - params.begin();
    Argument argument{.kind = Argument::Kind::pointer, .buffer = places[i], .map = {}};
    if (parameter.is_map)
      argument.kind = Argument::Kind::tensor_map, argument.map = tensor_map(*params[i], parameter);
    if (parameter.is_map || lower::read_by_cp_async(program, parameter.param))
      argument.alignment = kTmaAlignment;
    launch.arguments.push_back(argument);
  }
  if (emit::has_op(program, "claims")) launch.arguments.push_back({Argument::Kind::counter, {}, {}});
  const ir::Attributes& blocks = lower::launch_of(program).attributes;
  launch.tiles = ir::integer(blocks, "tiles", 1);
  launch.persistent = ir::has(blocks, "resident");
  launch.cluster = static_cast<int>(ir::integer(blocks, "cluster", 1));
  launch.threads = static_cast<int>(ir::integer(program.attributes, "threads", 128));
  launch.shared_bytes = static_cast<int>(ir::integer(program.attributes, "shared_bytes", 0));
  launch.blocks_per_multiprocessor = static_cast<int>(ir::integer(program.attributes, "ctas_per_sm", 1));
  launch.launch_registers = launch_registers(launch.threads, launch.blocks_per_multiprocessor, target);
  return launch;
}

// A pointer that TMA or cp.async reads through must be aligned for these, any other for its elements.
void set_alignments(Plan& plan) {
  for (Buffer& buffer : plan.buffers) buffer.alignment = size_of(buffer.type);
  for (const Launch& launch : plan.launches)
    for (const Argument& argument : launch.arguments)
      if (argument.buffer.buffer >= 0)
        plan.buffers[argument.buffer.buffer].alignment =
            std::max(plan.buffers[argument.buffer.buffer].alignment, argument.alignment);
}

Expected<lower::LoweredProgram> lowered(const ir::Program& program, const Target& target,
                                        const StageObserver& observe) {
  return lower::run_passes(program, target, [&](std::string_view stage, const ir::Program& at_stage) {
    if (observe) observe(program.name, std::string(stage), ir::print(at_stage));
  });
}

}  // namespace

Expected<Plan> generate(const Problem& problem, const Config& config, const Target& target,
                        const StageObserver& observe) {
  if (auto rejection = check(problem, config, target)) return *rejection;
  Plan plan;
  plan.problem = to_text(problem);
  plan.config = to_text(config);
  plan.target = target;
  plan.buffers = buffers(problem);
  plan.flops = flops(problem);
  const PlannedKernels planned = build(problem, config, target);
  plan.workspace_bytes = planned.workspace_bytes;
  const std::vector<std::string> title = {plan.problem, plan.config,
                                          "Generated by Warpfinch for " + target.name +
                                              ". Each call is an op of the program that --stage ir shows."};
  for (const PlannedKernel& kernel : planned.kernels) {
    const auto program = lowered(kernel.program, target, observe);
    if (!program) return program.rejection();
    plan.launches.push_back(launch_of(*program, kernel.arguments, target, title));
  }
  set_alignments(plan);
  return plan;
}

Expected<Plan> generate_program(std::string_view text, const Target& target, const StageObserver& observe) {
  const ir::Program source = ir::parse(text);
  const std::string wanted = ir::attribute(source.attributes, "target").value_or(target.name);
  if (wanted != target.name)
    fail_input(
        fmt::format("kernel {} is written for target={}, not for {}", source.name, wanted, target.name));
  const auto program = lowered(source, target, observe);
  if (!program) return program.rejection();
  Plan plan;
  plan.problem = source.name;
  plan.target = target;
  std::vector<BufferRef> places;
  for (const ir::Tensor* param : params_of(program->walked)) {
    places.push_back({static_cast<int>(plan.buffers.size()), 0});
    plan.buffers.push_back(buffer_of(*param));
  }
  plan.launches.push_back(
      launch_of(*program, places, target, {"A program of the user's, for " + target.name + "."}));
  set_alignments(plan);
  return plan;
}

}  // namespace warpfinch
