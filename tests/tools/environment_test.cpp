// What a machine may lack without anything going wrong: a home, a database, a sensible XDG variable; and the
// message where the lack matters.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kSoftmax = "softmax rows=4 columns=64";

class ProgramWithoutHome : public Program {
 public:
  ProgramWithoutHome() {
    for (const char* variable : {"HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "WARPFINCH_CACHE_DIR"})
      set(variable, "");
  }
};

TEST(NoHome, is_needed_only_by_what_writes_the_database) {
  const ProgramWithoutHome program;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"show", "--problem", kSoftmax},
        {"database", "list"},
        {"cache", "prune"},
        {"run", "--problem", kSoftmax, "--device", "emulator:sm_90a", "--check"}}) {
    const Finished finished = program(words);
    EXPECT_EQ(finished.code, 0) << words[0] << ": " << finished.err;
  }
  const Finished tuned = program({"tune", "--problem", kSoftmax, "--budget", "1"});
  EXPECT_EQ(tuned.code, 1);
  EXPECT_THAT(tuned.err, AllOf(HasSubstr("warpfinch: no place for the database"), HasSubstr("XDG_DATA_HOME"),
                               HasSubstr("--database")));
}

// The XDG base directory specification: "all paths set in these variables must be absolute; a relative path
// is invalid and should be ignored".
TEST(RelativeXdgPaths, are_ignored) {
  Program program;
  program.set("XDG_DATA_HOME", "data");
  program.set("XDG_CACHE_HOME", "cache");
  program.set("WARPFINCH_CACHE_DIR", "");
  program.set("WARPFINCH_NVRTC", "/nowhere");  // so that nothing has to be compiled
  const Finished tuned = program({"tune", "--problem", kSoftmax, "--budget", "1"});
  EXPECT_EQ(tuned.code, 0) << tuned.err;
  EXPECT_FALSE(std::filesystem::exists("data/warpfinch"));
  EXPECT_TRUE(std::filesystem::exists(program.path("home/.local/share/warpfinch/configs.db")));
  EXPECT_TRUE(std::filesystem::exists(program.path("home/.cache/warpfinch")));
}

TEST(NoTemporaryFolder, is_said_with_the_variable_that_names_one) {
  Program program;
  program.set("TMPDIR", "/nowhere");
  const Finished finished = program({"run", "--problem", kSoftmax, "--device", "emulator:sm_90a"});
  EXPECT_EQ(finished.code, 1);
  EXPECT_THAT(finished.err, AllOf(StartsWith("warpfinch: "), HasSubstr("TMPDIR is '/nowhere'")));
}

}  // namespace
}  // namespace warpfinch
