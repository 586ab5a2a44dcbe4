// NVRTC for real: kernels that compile, spill and fail, and the cache between runs. No GPU is needed.
#include "runtime/compiler.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "runtime/compile_with.hpp"
#include "tests/runtime/environment_value.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

const NvrtcLibrary kMissing{.nvrtc = {}, .version = "", .why = "no NVRTC (a test): install it"};

CudaSource source_of(const std::string& body) {
  CudaSource source;
  source.entry = "k";
  source.target = "sm_90a";
  source.headers = {{"sm90/inner.cuh", "#pragma once\n__device__ float twice(float x) { return 2 * x; }\n"},
                    {"sm90/outer.cuh", "#pragma once\n#include \"sm90/inner.cuh\"\n"}};
  source.kernel =
      "#include \"sm90/outer.cuh\"\n"
      "extern \"C\" __global__ void __launch_bounds__(1024, 1) k(float* x) {\n" +
      body + "\n}\n";
  return source;
}

const char* const kDoubling = "  x[threadIdx.x] = twice(x[threadIdx.x]);";
// 120 values live across a barrier do not fit into the 64 registers that 1024 threads leave to each.
const char* const kSpilling =
    "  float a[120];\n"
    "#pragma unroll\n"
    "  for (int i = 0; i < 120; ++i) a[i] = x[i * 1024 + threadIdx.x];\n"
    "  __syncthreads();\n"
    "#pragma unroll\n"
    "  for (int i = 0; i < 120; ++i) x[i * 7 + threadIdx.x] = a[i] * a[(i * 37 + 11) % 120];";

const char* const kProductAndSum = "  x[0] = x[1] * x[2] + x[3];";

class CompilerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (nvrtc_version(&why).empty()) GTEST_SKIP() << "skipped: " << why;
  }
  TemporaryFolder folder_;
  KernelCache cache_{folder_.path()};
};

TEST_F(CompilerTest, AStopEndsACompilation) {
  if (!installed_nvrtc().nvrtc.set_flow_callback) GTEST_SKIP() << "skipped: this NVRTC cannot be stopped";
  std::stop_source stop;
  stop.request_stop();
  try {
    compile(source_of(kDoubling), cache_, stop.get_token());
    FAIL() << "it compiled";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "a compilation was stopped");
  }
  EXPECT_TRUE(compile(source_of(kDoubling), cache_)) << "and says nothing of the source";
}

TEST_F(CompilerTest, CompilesWithHeadersFromMemory) {
  const auto kernel = compile(source_of(kDoubling), cache_);
  ASSERT_TRUE(kernel) << kernel.rejection().reason;
  EXPECT_EQ(kernel->cubin.substr(0, 4),
            "\x7f"
            "ELF");
  EXPECT_GT(kernel->resources.registers, 0);
  EXPECT_EQ(kernel->resources.spill_stores, 0);
  EXPECT_FALSE(kernel->from_cache);
  EXPECT_GT(kernel->seconds, 0);
  EXPECT_EQ(kernel->nvrtc, nvrtc_version());
  EXPECT_FALSE(check_resources(*kernel));
}

TEST_F(CompilerTest, SeesSpills) {
  const auto kernel = compile(source_of(kSpilling), cache_);
  ASSERT_TRUE(kernel) << kernel.rejection().reason;
  EXPECT_EQ(kernel->resources.registers, 64);
  EXPECT_EQ(kernel->resources.barriers, 1);
  EXPECT_GT(kernel->resources.spill_stores, 0);
  const auto rejection = check_resources(*kernel);
  ASSERT_TRUE(rejection);
  EXPECT_NE(rejection->reason.find(std::to_string(kernel->resources.spill_loads)), std::string::npos);
}

TEST_F(CompilerTest, SeesThatSetmaxnregIsIgnored) {
  CudaSource source;
  source.entry = "k";
  source.target = "sm_90a";
  source.kernel =
      "extern \"C\" __global__ void k() { asm volatile(\"setmaxnreg.inc.sync.aligned.u32 240;\"); }\n";
  const auto kernel = compile(source, cache_);
  ASSERT_TRUE(kernel) << kernel.rejection().reason;
  const auto rejection = check_resources(*kernel);
  ASSERT_TRUE(rejection) << kernel->log;
  EXPECT_NE(rejection->reason.find("C7508"), std::string::npos) << rejection->reason;
}

TEST_F(CompilerTest, SourceThatDoesNotCompileIsARejectionWithItsFirstErrorAndTheIrLine) {
  CudaSource source = source_of("  int unused;\n  x[0] = y;\n  x[1] = z;");
  source.ir_lines = {0, 0, 0, 17, 18, 0};
  const auto kernel = compile(source, cache_);
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.rejection().stage, "compile");
  EXPECT_EQ(kernel.rejection().reason, "k.cu(4): error: identifier \"y\" is undefined (IR line 17)");
  const auto assembly = compile(source_of("  asm volatile(\"frobnicate;\");"), cache_);
  ASSERT_FALSE(assembly);
  EXPECT_NE(assembly.rejection().reason.find("frobnicate"), std::string::npos) << assembly.rejection().reason;
  const auto ptx = compile_to_ptx(source);
  ASSERT_FALSE(ptx);
  EXPECT_EQ(ptx.rejection().reason, kernel.rejection().reason);
}

TEST_F(CompilerTest, AChipThatIsNewerThanNvrtcSaysWhatToInstall) {
  CudaSource source = source_of(kDoubling);
  source.target = "sm_999";
  const std::string words =
      fmt::format("NVRTC {} does not know sm_999: install a newer NVRTC", nvrtc_version());
  for (const auto& compilation :
       {std::function([&] { compile(source, cache_); }), std::function([&] { compile_to_ptx(source); })}) {
    try {
      compilation();
      FAIL() << "it compiled";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind, ErrorKind::environment);
      EXPECT_EQ(error.what(), words);
    }
  }
}

TEST_F(CompilerTest, GivesPtx) {
  const auto ptx = compile_to_ptx(source_of(kDoubling));
  ASSERT_TRUE(ptx);
  EXPECT_NE(ptx->find(".target sm_90a"), std::string::npos) << *ptx;
  EXPECT_NE(ptx->find(".entry k("), std::string::npos) << *ptx;
  EXPECT_NE(ptx->back(), '\0');
}

TEST_F(CompilerTest, TakesTheSecondFromTheCacheWhateverItsComments) {
  const auto first = compile(source_of(kDoubling), cache_);
  const auto second = compile(source_of(std::string(kDoubling) + "  // a remark"), cache_);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(second->from_cache);
  EXPECT_EQ(second->seconds, 0);
  EXPECT_EQ(second->cubin, first->cubin);
  EXPECT_EQ(second->resources, first->resources);
  const auto other = compile(source_of("  x[threadIdx.x] = 2;"), cache_);
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->from_cache);
}

TEST_F(CompilerTest, AWarmCacheNeedsNoNvrtc) {
  const auto first = compile(source_of(kDoubling), cache_);
  const auto second = compile_with(kMissing, source_of(kDoubling), cache_);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(second->from_cache);
  EXPECT_EQ(second->cubin, first->cubin);
  EXPECT_EQ(second->nvrtc, nvrtc_version());
}

TEST_F(CompilerTest, AnotherNvrtcIsAnotherKernel) {
  ASSERT_TRUE(compile(source_of(kDoubling), cache_));
  EXPECT_TRUE(cached_kernel(source_of(kDoubling), cache_, nvrtc_version()));
  EXPECT_FALSE(cached_kernel(source_of(kDoubling), cache_, "99.0"));
  const CacheKeys ours = cache_keys(source_of(kDoubling), "13.0");
  const CacheKeys other = cache_keys(source_of(kDoubling), "99.0");
  EXPECT_NE(ours.kernel, other.kernel);
  EXPECT_EQ(ours.newest, other.newest);
  CudaSource elsewhere = source_of(kDoubling);
  elsewhere.target = "sm_100a";
  EXPECT_NE(cache_keys(elsewhere, "13.0").kernel, ours.kernel);
  EXPECT_NE(cache_keys(elsewhere, "13.0").newest, ours.newest);
}

TEST_F(CompilerTest, ADamagedEntryIsCompiledAgain) {
  const auto first = compile(source_of(kDoubling), cache_);
  ASSERT_TRUE(first);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path()))
    std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
  EXPECT_THROW(compile_with(kMissing, source_of(kDoubling), cache_), Error);
  const auto second = compile(source_of(kDoubling), cache_);
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->from_cache);
  const auto third = compile(source_of(kDoubling), cache_);
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->from_cache);
}

TEST_F(CompilerTest, TwoProcessesCompilingOneKernelBothSucceed) {
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    KernelCache cache(folder_.path());
    const auto kernel = compile(source_of(kSpilling), cache);
    _exit(kernel && !kernel->cubin.empty() ? 0 : 1);
  }
  for (pid_t child : children) {
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const auto kernel = compile(source_of(kSpilling), cache_);
  ASSERT_TRUE(kernel);
  EXPECT_TRUE(kernel->from_cache);
}

TEST_F(CompilerTest, CompilesAPlanInItsOrderAndEachSourceOnce) {
  Plan plan;
  for (const char* body : {kDoubling, kSpilling, kDoubling}) {
    plan.launches.emplace_back().source = source_of(body);
  }
  KernelCache none("");  // so that a second compilation of the first source would show in its time
  const auto kernels = compile(plan, none, 4);
  ASSERT_TRUE(kernels) << kernels.rejection().reason;
  ASSERT_EQ(kernels->size(), 3u);
  EXPECT_EQ((*kernels)[0].cubin, (*kernels)[2].cubin);
  EXPECT_EQ((*kernels)[0].seconds, (*kernels)[2].seconds);
  EXPECT_GT((*kernels)[1].resources.spill_stores, 0);
  plan.launches[1].source = source_of("  x = nonsense;");
  const auto rejected = compile(plan, none, 4);
  ASSERT_FALSE(rejected);
  EXPECT_NE(rejected.rejection().reason.find("nonsense"), std::string::npos);
}

TEST(CompilerWithoutNvrtc, SaysInOneLineWhatIsMissing) {
  const TemporaryFolder folder;
  KernelCache cache(folder.path());
  try {
    compile_with(kMissing, source_of(kDoubling), cache);
    FAIL() << "it compiled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::environment);
    EXPECT_STREQ(error.what(), "cannot compile k: no NVRTC (a test): install it");
  }
}

TEST(OpenNvrtc, SaysWhatWasWrongAndWhatToDo) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "libnvrtc.so.13";
  const NvrtcLibrary absent = open_nvrtc({file.string()});
  EXPECT_FALSE(absent.present());
  EXPECT_NE(absent.why.find(file.string()), std::string::npos) << absent.why;
  EXPECT_NE(absent.why.find("WARPFINCH_NVRTC"), std::string::npos) << absent.why;
  EXPECT_EQ(absent.why.find('\n'), std::string::npos) << absent.why;
  EXPECT_EQ(absent.version, "");
  std::ofstream(file) << "no library";
  EXPECT_FALSE(open_nvrtc({file.string()}).present());
  const NvrtcLibrary other = open_nvrtc({"libm.so.6"});  // a library, but another
  EXPECT_NE(other.why.find("libm.so.6: not an NVRTC library"), std::string::npos) << other.why;
}

TEST(OpenNvrtc, TheVariableIsTheOnlyPlaceWhenItIsSet) {
  {
    const EnvironmentValue nowhere("WARPFINCH_NVRTC", "/nowhere/libnvrtc.so");
    EXPECT_EQ(nvrtc_candidates(), std::vector<std::string>{"/nowhere/libnvrtc.so"});
  }
  const EnvironmentValue unset("WARPFINCH_NVRTC", nullptr);
  EXPECT_GE(nvrtc_candidates().size(), 3u);
  EXPECT_EQ(nvrtc_candidates()[0], "libnvrtc.so.13");
}

// So that a kernel computes to the bit what the emulator makes of the same text.
TEST_F(CompilerTest, FusesAProductAndASumOnlyWhereTheTextDoes) {
  const auto apart = compile_to_ptx(source_of(kProductAndSum));
  ASSERT_TRUE(apart) << apart.rejection().reason;
  EXPECT_EQ(apart->find("fma"), std::string::npos) << *apart;
  const auto fused = compile_to_ptx(source_of("  x[0] = __fmaf_rn(x[1], x[2], x[3]);"));
  ASSERT_TRUE(fused) << fused.rejection().reason;
  EXPECT_NE(fused->find("fma.rn"), std::string::npos);
}

}  // namespace
}  // namespace warpfinch
