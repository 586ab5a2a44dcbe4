// Reading ptxas' report: lines as NVRTC 13.0 printed them.
#include <gtest/gtest.h>

#include "runtime/compile_record.hpp"
#include "runtime/compiler.hpp"

namespace warpfinch {
namespace {

const char* const kSpilling =
    "ptxas info    : 0 bytes gmem\n"
    "ptxas info    : Compiling entry function 'k' for 'sm_90a'\n"
    "ptxas info    : Function properties for k\n"
    "ptxas         .     528 bytes stack frame, 624 bytes spill stores, 620 bytes spill loads\n"
    "ptxas info    : Used 64 registers, used 9 barriers, 528 bytes cumulative stack size, 256 bytes smem\n"
    "ptxas info    : Compile time = 53.095 ms\n";
const char* const kSerialised =
    "ptxas info    : (C7508) Potential Performance Loss: 'setmaxnreg' ignored; unable to determine\n"
    "ptxas info    : (C7517) warpgroup.wait is injected in around line 41 by compiler\n"
    "ptxas info    : (C7517) warpgroup.wait is injected in around line 41 by compiler\n"
    "ptxas info    : (Copyright) is no code, nor is (C12) or (C75170\n"
    "ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
    "ptxas info    : Used 30 registers, used 0 barriers\n";

CompiledKernel kernel_with(const std::string& log) {
  CompiledKernel kernel;
  kernel.log = log;
  kernel.resources = parse_compile_log(log);
  return kernel;
}

TEST(CompileLog, ReadsWhatAKernelUses) {
  const Resources used = parse_compile_log(kSpilling);
  EXPECT_EQ(used.registers, 64);
  EXPECT_EQ(used.barriers, 9);
  EXPECT_EQ(used.stack_bytes, 528);
  EXPECT_EQ(used.spill_stores, 624);
  EXPECT_EQ(used.spill_loads, 620);
  EXPECT_EQ(used.static_shared_bytes, 256);
  EXPECT_TRUE(used.warnings.empty());
}

TEST(CompileLog, CollectsAdvisoriesOnce) {
  const Resources used = parse_compile_log(kSerialised);
  ASSERT_EQ(used.warnings.size(), 2u);
  EXPECT_EQ(used.warnings[1], "C7517: warpgroup.wait is injected in around line 41 by compiler");
}

TEST(CompileLog, NothingInNothing) {
  EXPECT_EQ(parse_compile_log(""), Resources{});
  EXPECT_EQ(parse_compile_log(" registers\nregisters barriers bytes smem\n(C"), Resources{});
}

TEST(CheckResources, RejectsSpillsWithBytesAndAdvisoriesWithTheirCode) {
  const auto spills = check_resources(kernel_with(kSpilling));
  ASSERT_TRUE(spills);
  EXPECT_EQ(spills->stage, "resources");
  EXPECT_EQ(spills->reason, "64 registers do not hold it: 624 bytes of spill stores, 620 of loads");
  const auto serialised = check_resources(kernel_with(kSerialised));
  ASSERT_TRUE(serialised);
  EXPECT_EQ(serialised->reason.substr(0, 12), "ptxas C7508:");
  EXPECT_TRUE(serialised->reason.ends_with("(and 1 more)")) << serialised->reason;
  EXPECT_FALSE(check_resources(kernel_with("ptxas info    : Used 30 registers, used 1 barriers\n")));
}

TEST(CompileRecord, ReadsBackAndRefusesPieces) {
  CompiledKernel kernel = kernel_with(kSpilling);
  kernel.cubin = std::string(
      "\x7f"
      "ELF\0\n12\n",
      9);
  kernel.nvrtc = "13.0";
  const std::string record = record_of(kernel);
  const auto read = kernel_from_record(record);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->cubin, kernel.cubin);
  EXPECT_EQ(read->log, kernel.log);
  EXPECT_EQ(read->nvrtc, "13.0");
  EXPECT_EQ(read->resources, kernel.resources);
  EXPECT_TRUE(read->from_cache);
  for (size_t length = 0; length < record.size(); ++length)
    EXPECT_FALSE(kernel_from_record(record.substr(0, length))) << length;
  EXPECT_FALSE(kernel_from_record(record + "x"));
}

}  // namespace
}  // namespace warpfinch
