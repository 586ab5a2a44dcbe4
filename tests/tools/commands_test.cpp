// Every command's way through without a GPU.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kGemm = "gemm m=256 n=256 k=256";
const std::string kAttention = "attention_forward q_heads=2 q_len=256 head_dim=64";
const std::string kThreeKernel = "attention_three_kernel q_heads=2 q_len=256 head_dim=64";

TEST(Commands, VersionAndHelp) {
  const Program program;
  const Finished version = program({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_THAT(version.out, StartsWith("warpfinch 0."));
  const Finished help = program({"--help"});
  EXPECT_EQ(help.code, 0);
  for (const char* command : {"devices", "problems", "space", "show", "export", "run", "tune", "daemon",
                              "database", "cache", "bench"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
    EXPECT_EQ(program({command, "--help"}).code, 0) << command;
  }
  EXPECT_THAT(help.out, Not(HasSubstr("worker")));
}

TEST(Commands, DevicesWithoutGpuSaysWhy) {
  const Program program;
  const Finished plain = program({"devices"});
  EXPECT_EQ(plain.code, 0);
  EXPECT_THAT(plain.out, AllOf(HasSubstr("no GPU: "), HasSubstr("target   sm_90a")));
  std::vector<std::string> kinds;
  for (const auto& line : program({"devices", "--json"}).objects()) {
    kinds.push_back(line["kind"]);
    if (line["kind"] == "no device") {
      EXPECT_NE(line["reason"], "");
    }
  }
  EXPECT_THAT(kinds, AllOf(Contains("target"), Contains("no device"), Contains("nvrtc")));
}

TEST(Commands, ProblemsPrintsThePageThatIsInstalled) {
  const Finished page = Program()({"problems"});
  EXPECT_EQ(page.code, 0);
  std::ifstream committed(WARPFINCH_SOURCE_DIR "/tuner/api/warpfinch/PROBLEMS.md");
  EXPECT_EQ(page.out, std::string(std::istreambuf_iterator<char>(committed), {}));
}

TEST(Commands, SpaceCountsAndRanks) {
  const Program program;
  const Finished plain = program({"space", "--problem", kAttention, "--limit", "3"});
  EXPECT_EQ(plain.code, 0);
  EXPECT_THAT(plain.out, AllOf(HasSubstr("key_tile"), HasSubstr("constraints"), HasSubstr("predicted us")));
  double previous = 0;
  int configs = 0;
  for (const auto& line : program({"space", "--problem", kGemm, "--limit", "5", "--json"}).objects()) {
    if (line["kind"] == "space") {
      EXPECT_GT(line["valid"], 0);
      EXPECT_LE(line["valid"], line["configs"]);
    }
    if (line["kind"] != "config") continue;
    ++configs;
    EXPECT_GE(line["predicted_us"], previous);
    previous = line["predicted_us"];
  }
  EXPECT_EQ(configs, 5);
}

TEST(Commands, ShowEveryStage) {
  const Program program;
  EXPECT_THAT(program({"show", "--problem", kGemm, "--stage", "ir"}).out,
              AllOf(StartsWith("kernel gemm"), Not(HasSubstr("== after"))));
  EXPECT_THAT(program({"show", "--problem", kGemm, "--stage", "passes"}).out,
              HasSubstr("== after build\nkernel gemm"));
  const std::string cuda = program({"show", "--problem", kGemm, "--stage", "cuda"}).out;
  EXPECT_THAT(cuda, AllOf(HasSubstr("#include"), HasSubstr("__global__"), HasSubstr("gemm batch=1 m=256")));
  EXPECT_THAT(program({"show", "--problem", kGemm, "--stage", "cuda", "--inlined"}).out,
              Not(HasSubstr("#include")));
}

TEST(Commands, ShowCompiled) {
  const Program program;
  NEEDS_NVRTC(program);
  EXPECT_THAT(program({"show", "--problem", kGemm, "--stage", "ptx"}).out, HasSubstr(".target sm_90a"));
  const Finished first = program({"show", "--problem", kGemm, "--stage", "resources", "--json"});
  const Finished second = program({"show", "--problem", kGemm, "--stage", "resources", "--json"});
  ASSERT_EQ(first.objects().size(), 1u) << first.err;
  EXPECT_GT(first.objects()[0]["registers"], 0);
  EXPECT_EQ(first.objects()[0]["from_cache"], false);
  EXPECT_EQ(second.objects()[0]["from_cache"], true);
  const Finished pruned = program({"cache", "prune", "--limit", "0", "--json"});
  EXPECT_GT(pruned.objects()[0]["files"], 0);
  EXPECT_EQ(pruned.objects()[0]["directory"], program.path("kernels"));
}

TEST(Commands, ShowNamesTheKernelsOfAPlanOfSeveral) {
  const Program program;
  const std::string cuda = program({"show", "--problem", kThreeKernel, "--stage", "cuda"}).out;
  EXPECT_THAT(cuda, AllOf(HasSubstr("// kernel 1 of 3: "), HasSubstr("// kernel 3 of 3: ")));
  EXPECT_EQ(program({"show", "--problem", kThreeKernel, "--stage", "cuda", "--json"}).objects().size(), 3u);
}

TEST(Commands, WhatIsPrintedIsAProgramThatCanBeGivenBack) {
  const Program program;
  const std::string naive =
      program({"show", "--problem", "softmax rows=64 columns=128", "--stage", "ir"}).out;
  const std::string file = program.write("softmax.tir", naive);
  const Finished again = program({"show", "--program", file, "--stage", "cuda"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("__global__"));
}

TEST(Commands, ExportToFileAndStandardOutput) {
  const Program program;
  const Finished to_file = program({"export", "--problem", kGemm, "-o", program.path("gemm.cu")});
  EXPECT_EQ(to_file.code, 0) << to_file.err;
  const Finished to_stdout = program({"export", "--problem", kGemm, "-o", "-"});
  EXPECT_EQ(to_stdout.out, program.read("gemm.cu"));
  EXPECT_THAT(to_stdout.out, AllOf(HasSubstr("int main()"), Not(HasSubstr("#include \""))));
}

TEST(Commands, TunePredictsWithoutGpuAndRemembers) {
  const Program program;
  NEEDS_NVRTC(program);
  const std::string database = program.path("configs.db");
  const Finished tuned =
      program({"tune", "--problem", kGemm, "--budget", "3", "--database", database, "--json"});
  EXPECT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_THAT(tuned.err, AllOf(HasSubstr("no GPU"), HasSubstr("predicted")));
  int evaluations = 0;
  for (const auto& line : tuned.objects()) evaluations += line["event"] == "evaluation";
  EXPECT_EQ(evaluations, 3);
  EXPECT_EQ(tuned.objects().back()["event"], "result");
  const auto rows = program({"database", "show", "--database", database, "--json"}).objects();
  EXPECT_EQ(rows.size(), 3u);
  for (const auto& row : rows) EXPECT_NE(row["outcome"], "measured");
  const auto best = program({"database", "list", "--database", database, "--json"}).objects();
  ASSERT_EQ(best.size(), 1u);
  EXPECT_TRUE(best[0].contains("predicted_us"));
  EXPECT_FALSE(best[0].contains("median_us"));
}

TEST(Commands, TuneWorksOnSeveralProblemsAtATime) {
  const Program program;
  NEEDS_NVRTC(program);
  const std::string database = program.path("configs.db"), softmax = "softmax rows=64 columns=64";
  const Finished tuned = program({"tune", "--problem", kGemm, "--problem", softmax, "--budget", "3", "--jobs",
                                  "2", "--database", database, "--json"});
  EXPECT_EQ(tuned.code, 0) << tuned.err;
  std::map<std::string, int> results;
  for (const auto& line : tuned.objects())
    if (line["event"] == "result") results[line["problem"]] = line["evaluated"];
  EXPECT_EQ(results.size(), 2u);
  for (const auto& [problem, evaluated] : results) EXPECT_EQ(evaluated, 3) << problem;
  EXPECT_EQ(program({"database", "list", "--database", database, "--json"}).objects().size(), 2u);
  // Predictions are never worth shipping.
  EXPECT_EQ(program({"database", "export", "--best", "--database", database}).out, "");
}

TEST(Commands, ShippedConfigsAnswerBelowTheDatabase) {
  Program program;
  program.set("WARPFINCH_CONFIGS", std::string(WARPFINCH_SOURCE_DIR) + "/tuner/configs");
  const std::string problem =
      "attention_forward batch=1 q_heads=16 q_len=1024 head_dim=64 dtype=fp16";  // the first of h200.json
  const auto exported =
      program({"export", "--problem", problem, "-o", program.path("k.cu"), "--json"}).objects();
  ASSERT_EQ(exported.size(), 1u);
  EXPECT_THAT(exported[0]["origin"].get<std::string>(), HasSubstr("shipped"));
  program.set("WARPFINCH_CONFIGS", "");
  const auto without =
      program({"export", "--problem", problem, "-o", program.path("k.cu"), "--json"}).objects();
  EXPECT_EQ(without[0]["origin"], "model");
}

TEST(Commands, DatabaseGoesToAnotherMachineAndBack) {
  const Program program;
  NEEDS_NVRTC(program);
  const std::string here = program.path("here.db"), there = program.path("there.db"),
                    rows = program.path("rows");
  ASSERT_EQ(program({"tune", "--problem", kGemm, "--budget", "2", "--database", here}).code, 0);
  ASSERT_EQ(program({"database", "export", "--database", here, "-o", rows}).code, 0);
  EXPECT_EQ(program({"database", "import", rows, "--database", there, "--json"}).objects()[0]["added"], 2);
  EXPECT_EQ(program({"database", "import", rows, "--database", there, "--json"}).objects()[0]["added"], 0);
  EXPECT_EQ(program({"database", "export", "--database", there}).out, program.read("rows"));
}

TEST(Commands, DaemonContinuesWhereItStopped) {
  const Program program;
  NEEDS_NVRTC(program);
  const std::string shapes = program.write("list.yaml", "- problem: " + kGemm + "\n  budget: 2\n");
  const std::vector<std::string> words{"daemon",     "--shapes",           shapes,
                                       "--database", program.path("d.db"), "--json"};
  const Finished first = program(words), second = program(words);
  EXPECT_EQ(first.objects().back()["finished"], 1) << first.err;
  EXPECT_EQ(second.objects().back()["finished"], 0);
  EXPECT_EQ(second.objects().back()["skipped"], 1);
}

// Every evaluation that was reported is in the database, and the next start takes the same entry up again.
TEST(Commands, DaemonLosesNoRowOnSigterm) {
  const Program program;
  NEEDS_NVRTC(program);
  const std::string shapes = program.write("list.yaml", "- problem: " + kGemm + "\n  budget: 600s\n");
  const std::string database = program.path("d.db");
  const std::vector<std::string> words{"daemon", "--shapes", shapes, "--database", database, "--json"};
  const Finished stopped = program.signalled(words, "TERM", 4);
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  const auto lines = stopped.objects();
  ASSERT_GT(lines.size(), 3u);
  EXPECT_EQ(lines.back()["stopped"], true);
  const auto& result = lines[lines.size() - 2];
  EXPECT_EQ(result["event"], "result");
  EXPECT_GT(result["evaluated"], 0);
  EXPECT_EQ(program({"database", "show", "--database", database, "--json"}).objects().size(),
            result["evaluated"]);
  const Finished again = program.signalled(words, "TERM", 2);
  EXPECT_EQ(again.objects()[0]["event"], "begin");
}

TEST(Commands, DefaultDatabaseThatNothingWroteIsEmpty) {
  const Program program;
  EXPECT_THAT(program({"database", "list"}).out, EndsWith(": empty\n"));
  EXPECT_EQ(program({"database", "export"}).out, "");
  EXPECT_FALSE(std::filesystem::exists(program.path("data")));
}

}  // namespace
}  // namespace warpfinch
