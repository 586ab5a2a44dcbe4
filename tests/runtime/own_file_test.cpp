// Where code lies: the program's however it was called, and a library's.
#include "runtime/own_file.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace warpfinch {
namespace {

TEST(OwnFile, is_this_program) {
  const std::filesystem::path file = own_file();
  EXPECT_EQ(file, std::filesystem::canonical("/proc/self/exe"));
  EXPECT_TRUE(file.is_absolute());
}

// A shell passes on the word that was typed: no folder, where the program was found in PATH.
TEST(OwnFile, is_this_program_also_where_it_was_called_without_its_folder) {
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "warpfinch", "--gtest_filter=OwnFile.is_this_program", nullptr);
    _exit(2);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(OwnFile, of_a_function_is_the_library_that_has_it) {
  const std::filesystem::path file = file_of(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"));
  EXPECT_TRUE(file.filename().string().starts_with("libc.")) << file;
  int no_code = 0;
  EXPECT_EQ(file_of(&no_code), "");
}

}  // namespace
}  // namespace warpfinch
