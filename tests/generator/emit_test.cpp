// What the emitter makes of names and roles that only a user's program has.
#include <gmock/gmock.h>

#include "generator/generate.hpp"
#include "tests/generator/programs.hpp"

namespace warpfinch {
namespace {

using testing::HasSubstr;

std::string emitted(const std::string& program) {
  const auto plan = generate_program(program, target_by_name("sm_90a"));
  return plan ? plan->launches[0].source.kernel : plan.rejection().reason;
}

TEST(Emitter, takes_a_role_s_kind_wherever_it_stands) {
  const std::string kind_first =
      after("allocate_shared", "gemm m=256 n=256 k=256", "consumer_warpgroups=2 n_tile=128");
  const std::string kind_last =
      replaced(kind_first, "role producer warps=4 regs=24", "role warps=4 regs=24 producer");
  EXPECT_EQ(emitted(kind_last), emitted(kind_first));
  EXPECT_THAT(emitted(kind_last), HasSubstr("shrink_registers<24>"));
}

// A program whose grid has these two axes.
std::string with_axes(const std::string& a, const std::string& b) {
  return "kernel axes target=sm_90a {\n  param @x bf16 [128, 64]\n  param @y bf16 [128, 64] out\n"
         "  register %x fp32 [64, 32]\n  grid " +
         a + " in 0 .. 128 step 64, " + b + " in 0 .. 64 step 32 {\n    load %x, @x[" + a + ", " + b +
         "]\n    store @y[" + a + ", " + b + "], %x\n  }\n}\n";
}

TEST(Emitter, keeps_names_apart_that_differ_by_what_it_appends) {
  const std::string text = emitted(with_axes("walk", "walk_"));
  EXPECT_THAT(text, HasSubstr("const int walk_ = "));
  EXPECT_THAT(text, HasSubstr("const int walk__ = "));
}

TEST(Emitter, takes_no_word_of_cpp_as_a_name) {
  for (const char* word : {"compl", "bitand", "static_cast", "thread_local", "whole"})
    EXPECT_THAT(emitted(with_axes("m", word)), HasSubstr(std::string("const int ") + word + "_ = ")) << word;
}

}  // namespace
}  // namespace warpfinch
