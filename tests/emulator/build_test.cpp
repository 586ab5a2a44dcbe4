// The host compiler of the emulator: with flags, on another CPU, killed, without a place for its files.
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "tests/emulator/emulated.hpp"
#include "tests/runtime/environment_value.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch::emulator {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kGemm = "gemm m=70 n=64 k=64",
                  kConfig = "consumer_warpgroups=1 n_tile=64 k_tile=32 stages=2";
const std::string kSoftmax = "softmax rows=4 columns=64",
                  kSoftmaxConfig = "warps=2 column_tile=64 tile_order=flat";

std::string compiler() {
  const char* named = std::getenv("CXX");
  return named && *named ? named : "c++";
}

// With it a copy of a tensor map takes instructions that fault at an address of a smaller alignment.
TEST(HostCompiler, may_use_all_that_this_cpu_has) {
  const EnvironmentValue native("CXX", (compiler() + " -march=native").c_str());
  expect_right(kGemm, kConfig, {0});
}

class HostCompilerCache : public testing::Test {
 protected:
  // How many objects the cache has once the kernel was built.
  long objects_with(const std::string& words) const {
    const EnvironmentValue named("CXX", words.c_str());
    KernelCache cache(folder_.path() / "cache");
    build_object(plan_for(kSoftmax, kSoftmaxConfig).launches[0].source, cache);
    return std::distance(fs::directory_iterator(cache.directory()), {});
  }
  std::string script(const std::string& text) const {
    const fs::path file = folder_.path() / "c++";
    std::ofstream(file) << "#!/bin/sh\n" + text + "\nexec " + compiler() + " \"$@\"\n";
    fs::permissions(file, fs::perms::owner_all);
    return file;
  }
  const TemporaryFolder folder_;
};

TEST_F(HostCompilerCache, knows_the_flags) {
  EXPECT_EQ(objects_with(compiler()), 1);
  EXPECT_EQ(objects_with(compiler() + " -DNDEBUG"), 2);
  EXPECT_EQ(objects_with(compiler()), 2);
}

// A folder of the home may be seen by machines of several kinds. What a flag means there, the macros tell.
TEST_F(HostCompilerCache, knows_what_a_flag_means_on_this_cpu) {
  const std::string newer = (folder_.path() / "newer").string();
  const std::string words = script("test -e " + newer + " && set -- -D__AVX512F__ \"$@\"");
  // What a compiler says of itself is asked once per process.
  const auto objects_after_a_process = [&] {
    const pid_t child = fork();
    if (child == 0) _exit(static_cast<int>(objects_with(words)));
    int status = -1;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(objects_after_a_process(), 1);
  std::ofstream(newer) << "a CPU";
  EXPECT_EQ(objects_after_a_process(), 2);
}

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::environment);
    return error.what();
  }
  return "nothing failed";
}

TEST_F(HostCompilerCache, without_a_place_for_temporary_files_the_message_names_the_variable) {
  const EnvironmentValue nowhere("TMPDIR", "/nowhere");
  EXPECT_THAT(failure_of([&] { objects_with(compiler()); }),
              AllOf(HasSubstr("TMPDIR is '/nowhere'"), Not(HasSubstr("\n"))));
}

}  // namespace
}  // namespace warpfinch::emulator
