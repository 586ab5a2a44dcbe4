#include "generator/emit/wgmma.hpp"

#include <fmt/format.h>

namespace warpfinch::emit {
namespace {

// "%0, %1, …" from first, count of them.
std::string placeholders(int first, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += fmt::format("{}%{}", i ? ", " : "", first + i);
  return text;
}

std::string sums(const char* constraint, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += fmt::format("{}\"{}\"(d[{}])", i ? ", " : "", constraint, i);
  return text;
}

// One function. `start` writes d (scale-d = 0, outputs only, so that old sums are not kept alive); `add` sums
// into it.
std::string function(const WgmmaForm& form, bool start) {
  const int count = form.columns / 2, a_count = form.a_in_registers ? 4 : 1;
  const std::string a = form.a_in_registers ? "{" + placeholders(count, 4) + "}" : fmt::format("%{}", count);
  const std::string a_inputs =
      form.a_in_registers ? "\"r\"(a[0]), \"r\"(a[1]), \"r\"(a[2]), \"r\"(a[3])" : "\"l\"(a)";
  // scale-d, scale-a, scale-b, then trans-a (descriptors only) and trans-b.
  const std::string immediates = fmt::format("p, 1, 1, {}{}",
                                             form.a_in_registers ? ""
                                             : form.a_transposed ? "1, "
                                                                 : "0, ",
                                             form.b_transposed ? 1 : 0);
  const char* type = form.type == DataType::bf16 ? "bf16" : "f16";
  return fmt::format(
      "  WF_STATIC void {}(element<float> (&d)[{}], {}, u64 b) {{\n"
      "    asm volatile(\n"
      "        \"{{\\n.reg .pred p;\\nsetp.ne.b32 p, {}, 0;\\n\"\n"
      "        \"wgmma.mma_async.sync.aligned.m64n{}k16.f32.{}.{} {{{}}}, {}, %{}, {};\\n}}\"\n"
      "        : {}\n        : {}, \"l\"(b));\n  }}\n",
      start ? "start" : "add", count, form.a_in_registers ? "const element<u32>* a" : "u64 a", start ? 0 : 1,
      form.columns, type, type, placeholders(0, count), a, count + a_count, immediates,
      sums(start ? "=f" : "+f", count), a_inputs);
}

}  // namespace

std::set<WgmmaForm> wgmma_forms(const ir::Program& program) {
  std::set<WgmmaForm> forms;
  ir::walk(program.body, [&](const ir::Op& op) {
    if (op.name != "mma") return;
    const ir::Tensor& d = *ir::find(program, ir::Space::register_, op.operands[0].name);
    const ir::Tensor& b = *ir::find(program, ir::Space::shared, op.operands[2].name);
    forms.insert({b.type, static_cast<int>(ir::value(d.shape[1])),
                  op.operands[1].space == ir::Space::register_, !op.operands[2].transposed,
                  op.operands[1].transposed});
  });
  return forms;
}

std::string wgmma_header(const std::set<WgmmaForm>& forms) {
  std::string text = "// The wgmma instructions of this kernel.\n#pragma once\n\nnamespace warpfinch {\n";
  for (const WgmmaForm& form : forms)
    text += fmt::format("\ntemplate <>\nstruct Wgmma<{}, {}, {}, {}{}> {{\n{}{}}};\n", to_text(form.type),
                        form.columns, form.a_in_registers, form.b_transposed,
                        form.a_transposed ? ", true" : "", function(form, true), function(form, false));
  return text + "\n}  // namespace warpfinch\n";
}

}  // namespace warpfinch::emit
