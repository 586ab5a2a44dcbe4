// The check that an exported file carries gives the verdicts of runtime/accuracy. Its text is plain C++ up to
// the device: here it is built with the host compiler and reads its tensors from files.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "runtime/export_text.hpp"
#include "tests/runtime/solved.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

constexpr std::string_view kHead = R"(
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>
)";

std::string list(const std::vector<int64_t>& values) { return fmt::format("{{{}}}", fmt::join(values, ",")); }

// Reads 0, 1, … of the folder that is its argument, and prints the largest error.
std::string main_text(const Tensors& tensors) {
  std::string text = "int main(int, char** arguments) {\n  std::vector<host::Tensor> tensors;\n";
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Buffer& b = tensors[i].buffer;
    text += fmt::format(
        "  tensors.push_back(host::make_tensor({{\"{}\", host::{}, {}, {}, {}}}, 0));\n"
        "  std::ifstream(std::string(arguments[1]) + \"/{}\", std::ios::binary)\n"
        "      .read(reinterpret_cast<char*>(tensors.back().data.data()), {});\n",
        b.name, to_text(b.type), list(b.shape), list(b.strides), b.output, i, tensors[i].data.size());
  }
  return text + "  std::printf(\"%.17g\\n\", host::check_outputs(tensors).max_error);\n}\n";
}

std::string compiler() {
  const char* named = std::getenv("CXX");
  return named && *named ? named : "c++";
}

double exported_error(const std::string& folder, const Tensors& tensors) {
  for (size_t i = 0; i < tensors.size(); ++i)
    std::ofstream(fmt::format("{}/{}", folder, i), std::ios::binary)
        .write(reinterpret_cast<const char*>(tensors[i].data.data()),
               static_cast<std::streamsize>(tensors[i].data.size()));
  EXPECT_EQ(std::system(fmt::format("'{0}/check' '{0}' > '{0}/error'", folder).c_str()), 0);
  double error = -1;
  std::ifstream(folder + "/error") >> error;
  return error;
}

class ExportCheck : public testing::TestWithParam<const char*> {};

TEST_P(ExportCheck, SaysWhatTheLibrarySays) {
  const Problem problem = parse_problem(GetParam());
  Tensors tensors = solved(problem, 3);
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "check.cpp")
      << kHead << export_tensors_text() << export_reference(problem, default_config(problem))
      << main_text(tensors);
  const std::string at = folder.path().string();
  ASSERT_EQ(std::system(fmt::format("{1} -std=c++17 '{0}/check.cpp' -o '{0}/check'", at, compiler()).c_str()),
            0);
  for (HostTensor& tensor : tensors) {
    EXPECT_NEAR(exported_error(at, tensors), check_accuracy(problem, tensors).max_error, 1e-3);
    if (!tensor.buffer.output) continue;
    const double right = load_element(tensor, 5);
    for (const double wrong : {right * 1.01 + 1e-4, right - 0.1}) {
      store_element(tensor, 5, wrong);
      const double error = check_accuracy(problem, tensors).max_error;
      EXPECT_NEAR(exported_error(at, tensors) / error, 1, 1e-3) << tensor.buffer.name << ": " << error;
    }
    store_element(tensor, 5, right);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Operations, ExportCheck,
    testing::Values(
        "gemm batch=2 m=5 n=9 k=70 layout=nn output=fp32 epilogue=bias_gelu alpha=0.5",
        "softmax rows=6 columns=40 mask=causal dtype=fp32 scale=2",
        "attention_forward q_heads=2 kv_heads=1 q_len=9 kv_len=70 head_dim=16 mask=causal lse=true "
        "dtype=fp16"));

}  // namespace
}  // namespace warpfinch
