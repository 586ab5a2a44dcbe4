// Folders for temporary files: gone at the end of their work, and after the death of a process.
#include "runtime/work_folder.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "generator/result.hpp"
#include "tests/runtime/environment_value.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class WorkFolderTest : public testing::Test {
 protected:
  long folders() const { return std::distance(fs::directory_iterator(folder_.path()), {}); }
  const TemporaryFolder folder_;
  const EnvironmentValue temporary_{"TMPDIR", folder_.path().c_str()};
};

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::environment);
    return error.what();
  }
  return "nothing failed";
}

TEST_F(WorkFolderTest, is_gone_at_the_end_of_its_scope) {
  {
    const WorkFolder work;
    std::ifstream written(work.write("a.txt", "text"));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(written), {}), "text");
    EXPECT_EQ(work.path().parent_path(), folder_.path());
    EXPECT_EQ(folders(), 1);
  }
  EXPECT_EQ(folders(), 0);
}

TEST_F(WorkFolderTest, of_a_process_that_was_killed_goes_with_the_next) {
  const pid_t child = fork();
  if (child == 0) {
    const WorkFolder work;
    work.write("a.txt", "text");
    kill(getpid(), SIGKILL);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(folders(), 1);
  { const WorkFolder next; }
  EXPECT_EQ(folders(), 0);
}

TEST_F(WorkFolderTest, in_use_stays_and_so_does_what_is_no_work_folder) {
  fs::create_directory(folder_.path() / "warpfinch-notes");
  const WorkFolder first;
  const pid_t child = fork();
  if (child == 0) {
    { const WorkFolder other_process; }
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  { const WorkFolder second; }
  EXPECT_TRUE(fs::exists(first.path()));
  EXPECT_EQ(folders(), 2);
}

TEST_F(WorkFolderTest, without_a_place_says_which_variable_names_one) {
  const EnvironmentValue nowhere("TMPDIR", "/nowhere");
  EXPECT_THAT(failure_of([] { WorkFolder(); }),
              AllOf(HasSubstr("TMPDIR"), HasSubstr("/nowhere"), Not(HasSubstr("\n"))));
  const EnvironmentValue read_only("TMPDIR", "/proc");
  EXPECT_THAT(failure_of([] { WorkFolder(); }), AllOf(HasSubstr("TMPDIR"), HasSubstr("/proc")));
}

// A limit on the size of files stands for the full disk.
TEST_F(WorkFolderTest, on_a_full_disk_says_so) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{4096, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const std::string failure = failure_of([] { WorkFolder().write("kernel.cpp", std::string(10000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(failure,
              AllOf(HasSubstr("cannot write"), HasSubstr("kernel.cpp: File too large"), HasSubstr("TMPDIR")));
}

}  // namespace
}  // namespace warpfinch
