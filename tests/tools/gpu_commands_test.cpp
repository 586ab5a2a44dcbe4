// The commands that need a GPU, on one. Skipped aloud where there is none.
#include <gmock/gmock.h>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

using testing::HasSubstr;

const std::string kGemm = "gemm m=256 n=256 k=256";

class GpuCommands : public testing::Test {
 protected:
  void SetUp() override {
    program.show_gpu();
    if (program({"devices", "--json"}).out.find("\"kind\":\"device\"") == std::string::npos)
      GTEST_SKIP() << "no GPU on this machine";
  }
  Program program;
};

TEST_F(GpuCommands, RunChecksEveryOperation) {
  for (const char* problem :
       {"gemm batch=2 m=300 n=200 k=96 epilogue=bias", "gemm m=65 n=72 k=40 layout=nn dtype=fp16 output=fp32",
        "softmax rows=100 columns=333 mask=causal",
        "attention_forward q_heads=4 kv_heads=2 q_len=200 head_dim=64 lse=true",
        "attention_three_kernel q_heads=2 q_len=130 head_dim=128"}) {
    const Finished ran = program({"run", "--problem", problem, "--check", "--json"});
    ASSERT_EQ(ran.code, 0) << problem << "\n" << ran.err << ran.out;
    EXPECT_LE(ran.objects()[0]["max_error"], 1) << problem;
    EXPECT_EQ(ran.objects()[0]["ok"], true) << problem;
  }
}

// Zeros in, zeros out; then the file that was written is what the next run reads.
TEST_F(GpuCommands, TensorsGoThroughFiles) {
  const std::string out = program.path("c.npy");
  ASSERT_EQ(
      program({"run", "--problem", kGemm, "--tensor", "a=bf16[1,256,256]@zeros", "--output", "c=" + out})
          .code,
      0);
  const std::string zeros = program.read("c.npy").substr(128);
  EXPECT_EQ(zeros, std::string(256 * 256 * 2, '\0'));
  const Finished again =
      program({"run", "--problem", kGemm, "--tensor", "a=bf16[1,256,256]@" + out, "--check"});
  EXPECT_EQ(again.code, 0) << again.err << again.out;
}

TEST_F(GpuCommands, ProgramOfAUserIsLookedAtAloud) {
  const std::string file = program.write(
      "my.tir", program({"show", "--problem", "softmax rows=64 columns=128", "--stage", "ir"}).out);
  const Finished ran = program({"run", "--program", file, "--check"});
  EXPECT_EQ(ran.code, 0) << ran.err << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("no reference exists"));
}

TEST_F(GpuCommands, BenchTimesConfigsInAlternation) {
  const std::string csv = program.path("rows.csv");
  const Finished timed = program({"bench", "--problem", kGemm, "--config", "stages=2", "--config", "stages=3",
                                  "--check", "--csv", csv, "--json"});
  ASSERT_EQ(timed.code, 0) << timed.err;
  ASSERT_EQ(timed.objects().size(), 2u);
  for (const auto& row : timed.objects()) {
    EXPECT_GT(row["median_us"], 0);
    EXPECT_LE(row["min_us"], row["median_us"]);
    EXPECT_LE(row["max_error"], 1);
  }
  EXPECT_THAT(program.read("rows.csv"), HasSubstr("stages=3"));
}

TEST_F(GpuCommands, TuneMeasures) {
  const std::string database = program.path("configs.db");
  const Finished tuned =
      program({"tune", "--problem", kGemm, "--budget", "4", "--database", database, "--json"});
  ASSERT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_EQ(tuned.objects().back()["best"]["outcome"], "measured");
  const Finished ran = program({"run", "--problem", kGemm, "--database", database, "--json"});
  EXPECT_EQ(ran.objects()[0]["origin"], "database");
}

}  // namespace
}  // namespace warpfinch
