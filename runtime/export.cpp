#include "runtime/export.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "generator/emit/wgmma.hpp"
#include "generator/ir/program.hpp"
#include "runtime/accuracy.hpp"
#include "runtime/export_text.hpp"

namespace warpfinch {
namespace {

// --- constants of the reference ----------------------------------------------------------------------
std::string constant(std::string_view name, int64_t value) {
  return fmt::format("constexpr int64_t {} = {};\n", name, value);
}
std::string constant(std::string_view name, bool value) {
  return fmt::format("constexpr bool {} = {};\n", name, value);
}
std::string constant(std::string_view name, double value) {
  return fmt::format("constexpr double {} = {};\n", name, value);
}
// Row i sees the columns from i + first_visible to i + last_visible that exist.
std::string band_constants(const Band& band) {
  constexpr int64_t kNoLimit = int64_t{1} << 40;  // beyond every extent
  return constant("first_visible", band.first.value_or(-kNoLimit)) +
         constant("last_visible", band.last.value_or(kNoLimit));
}

std::string constants_of(const Gemm& gemm) {
  return constant("batch", gemm.batch) + constant("m", gemm.m) + constant("n", gemm.n) +
         constant("k", gemm.k) + constant("alpha", gemm.alpha) +
         constant("tn", gemm.layout == GemmLayout::tn) + constant("bias", gemm.epilogue != Epilogue::none) +
         constant("gelu", gemm.epilogue == Epilogue::bias_gelu);
}

std::string constants_of(const Softmax& softmax) {
  return constant("batch", softmax.batch) + constant("rows", softmax.rows) +
         constant("columns", softmax.columns) + constant("scale", softmax.scale) +
         band_constants(band(softmax.mask, softmax.rows, softmax.columns));
}

std::string constants_of(const AttentionFields& f) {
  return constant("batch", f.batch) + constant("q_heads", f.q_heads) + constant("kv_heads", f.kv_heads) +
         constant("q_len", f.q_len) + constant("kv_len", f.kv_len) + constant("head_dim", f.head_dim) +
         constant("value_dim", effective_value_dim(f)) + constant("scale", effective_scale(f)) +
         band_constants(band(f)) + constant("lse", f.lse);
}

std::string_view reference_of(const Gemm&) { return export_gemm_text(); }
std::string_view reference_of(const Softmax&) { return export_softmax_text(); }
std::string_view reference_of(const AttentionFields&) { return export_attention_text(); }

// --- device code -------------------------------------------------------------------------------------
std::set<emit::WgmmaForm> forms_of(const Launch& launch) {
  return emit::wgmma_forms(ir::parse(launch.program));
}

// Each kernel's list of MMA instructions is its own; kernels that share a file need one list of all.
std::vector<Launch> with_common_forms(std::vector<Launch> launches) {
  std::set<emit::WgmmaForm> all;
  for (const Launch& launch : launches) all.merge(forms_of(launch));
  for (Launch& launch : launches) {
    const std::string own = emit::wgmma_header(forms_of(launch));
    for (Header& header : launch.source.headers)
      if (header.text == own) header.text = emit::wgmma_header(all);
  }
  return launches;
}

// All headers once, in order, then every kernel.
std::string device_text(const Plan& plan) {
  CudaSource all;
  for (const Launch& launch : with_common_forms(plan.launches)) {
    for (const Header& header : launch.source.headers)
      if (std::find(all.headers.begin(), all.headers.end(), header) == all.headers.end())
        all.headers.push_back(header);
    all.entry += (all.entry.empty() ? "" : ", ") + launch.source.entry;
    all.kernel += launch.source.kernel + "\n";
  }
  return inlined(all);
}

// --- tables of main() --------------------------------------------------------------------------------
std::string list(const auto& values) { return fmt::format("{{{}}}", fmt::join(values, ", ")); }

std::string buffer_row(const Buffer& buffer) {
  return fmt::format("      {{\"{}\", host::{}, {}, {}, {}}},\n", buffer.name, to_text(buffer.type),
                     list(buffer.shape), list(buffer.strides), buffer.output);
}

std::string argument_row(const Argument& argument) {
  constexpr int kCounter = -2;
  const int buffer = argument.kind == Argument::Kind::counter ? kCounter : argument.buffer.buffer;
  const bool is_map = argument.kind == Argument::Kind::tensor_map;
  const TensorMap map = is_map ? argument.map : TensorMap{};
  return fmt::format("           {{{}, {}, {}, host::{}, {}, {}, {}, {}}},\n", buffer, argument.buffer.offset,
                     is_map, to_text(map.type), list(map.shape), list(map.byte_strides), list(map.box),
                     map.swizzle);
}

std::string launch_row(const Launch& launch) {
  std::string row = fmt::format("      {{\"{}\", reinterpret_cast<const void*>(&{}),\n       {{\n",
                                launch.name, launch.source.entry);
  for (const Argument& argument : launch.arguments) row += argument_row(argument);
  return row + fmt::format("       }},\n       {}, {}, {}, {}, {}, {}}},\n", launch.tiles, launch.persistent,
                           launch.cluster, launch.blocks_per_multiprocessor, launch.threads,
                           launch.shared_bytes);
}

std::string main_text(const Plan& plan) {
  std::string text = "int main() {\n  host::Work work;\n  work.buffers = {\n";
  for (const Buffer& buffer : plan.buffers) text += buffer_row(buffer);
  text += "  };\n  work.launches = {\n";
  for (const Launch& launch : plan.launches) text += launch_row(launch);
  return text +
         fmt::format("  }};\n  work.workspace_bytes = {};\n  work.flops = {:.1f};\n", plan.workspace_bytes,
                     plan.flops) +
         R"cuda(  const std::vector<host::Tensor> tensors = host::launch_and_time(work);
  int64_t unwritten = 0;
  for (const host::Tensor& tensor : tensors)
    if (tensor.buffer.output) unwritten += host::count_unwritten(tensor);
  const host::Errors errors = host::check_outputs(tensors);
  const bool right = unwritten == 0 && errors.max_error <= 1;
  std::printf("max_error %.4g error_bound 1 (%lld elements compared, %lld not written): %s\n",
              errors.max_error, (long long)errors.compared, (long long)unwritten, right ? "right" : "WRONG");
  return right ? 0 : 1;
}
)cuda";
}

// For sm_90a nvcc 13 compiles twice: for that architecture, and into portable PTX, which lacks its
// instructions. The macro is defined in the first of the two only; the host's own pass defines neither.
std::string guarded(const Target& target, const std::string& text) {
  if (!target.name.ends_with('a')) return text;
  return fmt::format("#if !defined(__CUDA_ARCH__) || defined(__CUDA_ARCH_FEAT_SM{}{}_ALL)\n\n{}\n#endif\n",
                     target.compute_major, target.compute_minor, text);
}

std::string head_text(const Plan& plan) {
  return fmt::format(
      "// {}\n// {}\n//\n// Written by warpfinch; needs nothing but CUDA 12 or later:\n"
      "//   nvcc -std=c++17 -arch={} FILE.cu && ./a.out\n"
      "#include <cuda.h>\n#include <cuda_runtime.h>\n\n#include <algorithm>\n"
      "#include <cmath>\n#include <cstdint>\n#include <cstdio>\n#include <cstdlib>\n#include <cstring>\n"
      "#include <vector>\n\n",
      plan.problem, plan.config, plan.target.name);
}

}  // namespace

std::string export_reference(const Problem& problem, const Config& config) {
  return std::visit(
      [&](const auto& operation) {
        return fmt::format("namespace problem {{\n\n{}{}\n}}  // namespace problem\n\n{}",
                           constants_of(operation), constant("scaled_q", rounds_scaled_q(config)),
                           reference_of(operation));
      },
      problem);
}

std::string export_cuda(const Plan& plan, const std::optional<Problem>& problem) {
  const std::string reference = problem ? export_reference(*problem, parse_config(plan.config, *problem))
                                        : std::string(export_program_text());
  return head_text(plan) + std::string(export_tensors_text()) + "\n" + std::string(export_host_text()) +
         "\n" + reference + "\n" + guarded(plan.target, device_text(plan) + "\n" + main_text(plan));
}

}  // namespace warpfinch
