// What export writes compiles and links with plain nvcc, for every operation. Slow: nvcc takes seconds a
// file.
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

std::string find_nvcc() {
  std::vector<std::string> folders{"/usr/local/cuda/bin"};
  for (const char* variable : {"CUDA_PATH", "CUDA_HOME"})
    if (const char* toolkit = std::getenv(variable)) folders.push_back(std::string(toolkit) + "/bin");
  std::stringstream path(std::getenv("PATH"));
  for (std::string folder; std::getline(path, folder, ':');) folders.push_back(folder);
  for (const std::string& folder : folders)
    if (access((folder + "/nvcc").c_str(), X_OK) == 0) return folder + "/nvcc";
  return {};
}

struct Exported {
  const char* name;
  const char* problem;
};
const Exported kExported[] = {
    {"gemm", "gemm batch=2 m=300 n=200 k=96 dtype=fp16 output=fp32 epilogue=bias_gelu"},
    {"gemm_nn", "gemm m=128 n=136 k=64 layout=nn"},
    {"softmax", "softmax batch=2 rows=100 columns=333 mask=causal"},
    {"attention",
     "attention_forward batch=2 q_heads=4 kv_heads=2 q_len=200 kv_len=150 head_dim=64 mask=causal lse=true"},
    {"three_kernel", "attention_three_kernel q_heads=2 q_len=130 head_dim=128 lse=true"}};

class Export : public testing::TestWithParam<Exported> {};
class GpuExport : public testing::TestWithParam<Exported> {};
void PrintTo(const Exported& exported, std::ostream* out) { *out << exported.problem; }
std::string name_of(const testing::TestParamInfo<Exported>& info) { return info.param.name; }

// Exports and compiles; empty where there is no nvcc.
std::string compiled(const Program& program, const char* problem) {
  const std::string nvcc = find_nvcc();
  if (nvcc.empty()) return {};
  const Finished exported = program({"export", "--problem", problem, "-o", program.path("kernel.cu")});
  EXPECT_EQ(exported.code, 0) << exported.err;
  const Finished built = run_words(
      {nvcc, "-arch=sm_90a", program.path("kernel.cu"), "-o", program.path("kernel")}, program.path(""));
  EXPECT_EQ(built.code, 0) << built.out << built.err;
  return program.path("kernel");
}

TEST_P(Export, CompilesAndLinks) {
  const Program program;
  const std::string binary = compiled(program, GetParam().problem);
  if (binary.empty()) GTEST_SKIP() << "no nvcc in PATH, CUDA_PATH/bin, CUDA_HOME/bin or /usr/local/cuda/bin";
  EXPECT_TRUE(std::filesystem::exists(binary));
}

TEST(ExportOfAProgram, CompilesAndLinks) {
  const Program program;
  const std::string nvcc = find_nvcc();
  if (nvcc.empty()) GTEST_SKIP() << "no nvcc";
  const std::string file = program.write(
      "my.tir", program({"show", "--problem", "softmax rows=64 columns=128", "--stage", "ir"}).out);
  ASSERT_EQ(program({"export", "--program", file, "-o", program.path("my.cu")}).code, 0);
  const Finished built =
      run_words({nvcc, "-arch=sm_90a", program.path("my.cu"), "-o", program.path("my")}, program.path(""));
  EXPECT_EQ(built.code, 0) << built.err;
}

TEST_P(GpuExport, FindsItselfRight) {
  Program program;
  program.show_gpu();
  if (program({"devices", "--json"}).out.find("\"kind\":\"device\"") == std::string::npos)
    GTEST_SKIP() << "no GPU on this machine";
  const std::string binary = compiled(program, GetParam().problem);
  if (binary.empty()) GTEST_SKIP() << "no nvcc";
  const Finished ran = run_words({binary}, program.path(""));
  EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
}

INSTANTIATE_TEST_SUITE_P(Operations, Export, testing::ValuesIn(kExported), name_of);
INSTANTIATE_TEST_SUITE_P(Operations, GpuExport, testing::ValuesIn(kExported), name_of);

}  // namespace
}  // namespace warpfinch
