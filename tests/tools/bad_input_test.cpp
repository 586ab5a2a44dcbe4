// What a user can get wrong, and what a machine can lack: the exit code, one line that says what, and nothing
// harmed.
#include <gmock/gmock.h>
#include <sqlite3.h>

#include <algorithm>
#include <filesystem>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kGemm = "gemm m=256 n=256 k=256";

// One line, ours, and not an empty phrase.
void expect_one_line(const Finished& finished, int code, const std::string& about) {
  EXPECT_EQ(finished.code, code) << finished.err;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_THAT(finished.err, testing::StartsWith("warpfinch: "));
  EXPECT_THAT(finished.err, HasSubstr(about));
}

struct Case {
  const char* name;
  std::vector<std::string> arguments;
  int code;
  std::string about;
};
void PrintTo(const Case& c, std::ostream* stream) {
  for (const std::string& word : c.arguments) *stream << " '" << word << "'";
}
std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.name; }

class BadWords : public testing::TestWithParam<Case> {};
TEST_P(BadWords, OneLine) {
  const Program program;
  expect_one_line(program(GetParam().arguments), GetParam().code, GetParam().about);
}

std::vector<std::string> show(const std::string& problem) { return {"show", "--problem", problem}; }

INSTANTIATE_TEST_SUITE_P(
    CommandLine, BadWords,
    testing::Values(
        Case{"nothing", {}, 2, "command"}, Case{"unknown_command", {"fly"}, 2, "fly"},
        Case{"unknown_database_command", {"database", "fly"}, 2, "fly"},
        Case{"no_database_command", {"database"}, 2, "import"},
        Case{"unknown_option", {"show", "--wings"}, 2, "--wings"},
        Case{"unknown_stage", {"show", "--problem", kGemm, "--stage", "egg"}, 2, "egg"},
        Case{"no_problem", {"show"}, 2, "--problem"},
        Case{"problem_and_program", {"show", "--problem", kGemm, "--program", "x.tir"}, 2, "not both"},
        Case{"unknown_target", {"space", "--problem", kGemm, "--target", "sm_12"}, 2, "sm_90a"},
        Case{"bad_limit", {"cache", "prune", "--limit", "12Q"}, 2, "512M"},
        Case{"no_jobs",
             {"tune", "--problem", kGemm, "--jobs", "0"},
             2,
             "'0' should be a whole number from 1 to 256"},
        Case{"bad_budget", {"tune", "--problem", kGemm, "--budget", "soon"}, 2, "soon"},
        Case{"tune_nothing", {"tune"}, 2, "--shapes"},
        Case{"missing_shapes", {"tune", "--shapes", "/nowhere/list.yaml"}, 2, "/nowhere/list.yaml"},
        Case{"missing_program", {"show", "--program", "/nowhere/my.tir"}, 2, "/nowhere/my.tir"},
        Case{"missing_database", {"database", "list", "--database", "/nowhere/x.db"}, 2, "/nowhere/x.db"},
        Case{"missing_import", {"database", "import", "/nowhere/rows"}, 2, "/nowhere/rows"},
        Case{"export_to_nowhere", {"export", "--problem", kGemm, "-o", "/nowhere/x.cu"}, 2, "/nowhere/x.cu"},
        Case{"export_to_full_disk", {"export", "--problem", kGemm, "-o", "/dev/full"}, 1, "No space"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Problems, BadWords,
    testing::Values(
        Case{"unknown_operation", show("gem m=1"), 2, "attention_forward"},
        Case{"unknown_key", show(kGemm + " q=3"), 2, "unknown key 'q'"},
        Case{"bad_value", show(kGemm + " dtype=int8"), 2, "bf16"},
        Case{"no_number", show("gemm m=x n=1 k=1"), 2, "m=x"}, Case{"zero", show("gemm m=0 n=1 k=1"), 2, "m"},
        Case{"missing_size", show("gemm m=4 n=4"), 2, "k is missing"},
        Case{"heads", show("attention_forward q_heads=6 kv_heads=4 q_len=8 head_dim=64"), 2, "kv_heads=4"},
        Case{"beyond_2_31", show("softmax rows=4294967296 columns=8"), 2, "2^31"},
        Case{"config_key", {"show", "--problem", kGemm, "--config", "wings=2"}, 2, "wings"},
        Case{"config_value", {"show", "--problem", kGemm, "--config", "stages=many"}, 2, "stages=many"},
        Case{"config_too_large",
             {"show", "--problem", kGemm, "--config", "consumer_warpgroups=4 n_tile=256 stages=32"},
             2,
             "config"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    NoGpu, BadWords,
    testing::Values(
        Case{"run", {"run", "--problem", kGemm, "--check"}, 1, "GPU"},
        Case{"bench", {"bench", "--problem", kGemm}, 1, "GPU"},
        Case{"tune_on_a_device", {"tune", "--problem", kGemm, "--device", "cuda:0"}, 1, "GPU"},
        Case{"run_checks_text_first", {"run", "--problem", "gemm m=1"}, 2, "missing"},
        Case{"unknown_tensor",
             {"run", "--problem", kGemm, "--tensor", "z=bf16[1,256,256]@zeros"},
             2,
             "there are: a, b, c"},
        Case{"wrong_dtype",
             {"run", "--problem", kGemm, "--tensor", "a=fp16[1,256,256]@zeros"},
             2,
             "should be bf16"},
        Case{"wrong_shape",
             {"run", "--problem", kGemm, "--tensor", "a=bf16[256,256]@zeros"},
             2,
             "should be [1,256,256]"},
        Case{"tensor_text", {"run", "--problem", kGemm, "--tensor", "a@zeros"}, 2, "right:"},
        Case{"tensor_file",
             {"run", "--problem", kGemm, "--tensor", "a=bf16[1,256,256]@/nowhere/a.npy"},
             2,
             "/nowhere/a.npy"},
        Case{"output_name", {"run", "--problem", kGemm, "--output", "z=z.npy"}, 2, "there are: a, b, c"},
        Case{"spread", {"run", "--problem", kGemm, "--spread", "0"}, 2, "--spread"},
        Case{"spread_that_is_zero_as_fp32", {"run", "--problem", kGemm, "--spread", "1e-46"}, 2, "fp32"},
        Case{"spread_beyond_fp32", {"run", "--problem", kGemm, "--spread", "1e39"}, 2, "fp32"}),
    name_of);

TEST(BadFiles, BrokenYamlNamesThePlace) {
  const Program program;
  const std::string broken = program.write("broken.yaml", "- problem: [gemm\n- x");
  expect_one_line(program({"tune", "--shapes", broken}), 2, broken);
  const std::string wrong = program.write("wrong.yaml", "- gemm m=1 n=1 k=1 speed=9\n");
  expect_one_line(program({"daemon", "--shapes", wrong}), 2, "speed");
  const std::string empty = program.write("empty.yaml", "");
  expect_one_line(program({"tune", "--shapes", empty}), 2, empty);
}

// A program that ends wherever: never a crash, always the file, line and column.
TEST(BadFiles, TruncatedProgramNamesLineAndColumn) {
  const Program program;
  const std::string whole =
      program({"show", "--problem", "softmax rows=64 columns=128", "--stage", "ir"}).out;
  ASSERT_GT(whole.size(), 200u);
  for (const size_t length : {whole.size() / 4, whole.size() / 2, whole.size() - 3}) {
    const std::string file = program.write("cut.tir", whole.substr(0, length));
    const Finished shown = program({"show", "--program", file, "--stage", "cuda"});
    expect_one_line(shown, 2, file + ": line ");
    EXPECT_THAT(shown.err, HasSubstr("column "));
  }
  expect_one_line(program({"show", "--program", program.write("empty.tir", "")}), 2, "line ");
  expect_one_line(program({"show", "--program", program.write("bytes.tir", std::string("\0\xff\x01", 3))}), 2,
                  "line ");
  expect_one_line(program({"show", "--program", program.path("")}), 2, "Is a directory");
}

TEST(BadFiles, DatabaseOfANewerSchemaStaysAsItIs) {
  const Program program;
  const std::string file = program.write("rows", "");
  ASSERT_EQ(program({"database", "import", file, "--database", program.path("new.db")}).code, 0);
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(program.path("new.db").c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "PRAGMA user_version = 999; PRAGMA journal_mode = DELETE", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  const std::string before = program.read("new.db");
  expect_one_line(program({"database", "list", "--database", program.path("new.db")}), 2, "newer");
  expect_one_line(program({"show", "--problem", kGemm, "--database", program.path("new.db")}), 2, "newer");
  expect_one_line(program({"database", "import", file, "--database", program.path("new.db")}), 2, "newer");
  EXPECT_EQ(program.read("new.db"), before);
}

TEST(BadFiles, WhatIsNoDatabaseStaysAsItIs) {
  const Program program;
  const std::string text = "these are my notes, not a database, and they are longer than a header";
  const std::string file = program.write("notes.txt", text);
  expect_one_line(program({"database", "list", "--database", file}), 2, "notes.txt");
  expect_one_line(program({"database", "import", program.write("rows", ""), "--database", file}), 2,
                  "notes.txt");
  EXPECT_EQ(program.read("notes.txt"), text);
}

// Rows are added all or none.
TEST(BadFiles, DamagedImportAddsNothing) {
  const Program program;
  const std::string row =
      R"({"problem":"p","config":"c","digest":"d","outcome":"predicted","predicted_us":1.5,)"
      R"("device":"model:sm_90a",)"
      R"("driver":"","nvrtc":"","time":"2026-01-01T00:00:00.000Z"})";
  const std::string database = program.path("rows.db");
  ASSERT_EQ(program({"database", "import", program.write("good", row + "\n"), "--database", database}).code,
            0);
  const std::string before = program({"database", "export", "--database", database}).out;
  const std::string other = std::string(row).replace(row.find("\"d\""), 3, "\"e\"");
  const std::string bad = program.write("bad", other + "\n" + row.substr(0, 40) + "\n");
  expect_one_line(program({"database", "import", bad, "--database", database}), 2, bad);
  EXPECT_EQ(program({"database", "export", "--database", database}).out, before);
  EXPECT_THAT(before, HasSubstr("\"predicted_us\":1.5"));
}

TEST(BadFiles, TensorFileOfAnotherShape) {
  const Program program;
  std::string header = "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 2), }";
  header.resize(118, ' ');
  header.back() = '\n';
  const std::string file =
      program.write("a.npy", std::string("\x93NUMPY\x01\x00", 8) + std::string("\x76\x00", 2) + header +
                                 std::string(8, '\0'));
  expect_one_line(program({"run", "--problem", kGemm, "--tensor", "a=bf16[1,256,256]@" + file}), 2, file);
}

// --- the environment ---------------------------------------------------------------------------------
TEST(BadEnvironment, NoNvrtc) {
  Program program;
  program.set("WARPFINCH_NVRTC", "/nowhere/libnvrtc.so");
  expect_one_line(program({"show", "--problem", kGemm, "--stage", "ptx"}), 1, "/nowhere/libnvrtc.so");
  EXPECT_EQ(program({"show", "--problem", kGemm, "--stage", "cuda"}).code, 0);
  EXPECT_EQ(program({"devices"}).code, 0);
}

TEST(BadEnvironment, NoDisassembler) {
  Program program;
  program.set("PATH", program.path("empty"));
  program.set("CUDA_PATH", "");
  program.set("CUDA_HOME", "");
  if (std::filesystem::exists("/usr/local/cuda/bin/cuobjdump") ||
      std::filesystem::exists("/usr/local/cuda/bin/nvdisasm"))
    GTEST_SKIP() << "this machine has a disassembler in /usr/local/cuda/bin";
  expect_one_line(program({"show", "--problem", kGemm, "--stage", "sass"}), 1, "cuobjdump");
}

TEST(BadEnvironment, FullDiskBehindStandardOutput) {
  const Program program;
  expect_one_line(program.to_file({"show", "--problem", kGemm, "--stage", "cuda"}, "/dev/full"), 1,
                  "standard output");
}

TEST(BadEnvironment, DatabaseThatCannotBeWritten) {
  const Program program;
  const std::string rows = program.write("rows", "");
  expect_one_line(program({"database", "import", rows, "--database", "/proc/configs.db"}), 1,
                  "/proc/configs.db");
}

TEST(BadEnvironment, DeviceThatIsNone) {
  const Program program;
  expect_one_line(program({"run", "--problem", kGemm, "--device", "toaster"}), 2, "toaster");
}

}  // namespace
}  // namespace warpfinch
