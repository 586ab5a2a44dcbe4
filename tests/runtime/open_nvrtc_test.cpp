// Which NVRTC is opened, and that its builtins are found wherever it was found. The libraries are made up.
#include <dlfcn.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "runtime/nvrtc.hpp"
#include "tests/runtime/environment_value.hpp"
#include "tests/runtime/temporary_folder.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// A folder that has libnvrtc.so of version 99.<minor>, which does nothing.
class MadeUpNvrtc {
 public:
  explicit MadeUpNvrtc(int minor) : minor_(minor) {
    std::string text = fmt::format(
        "extern \"C\" {{\nint nvrtcVersion(int* a, int* b) {{ *a = 99; *b = {}; return 0; }}\n", minor);
    for (const char* name :
         {"GetErrorString", "CreateProgram", "DestroyProgram", "CompileProgram", "GetProgramLogSize",
          "GetProgramLog", "GetCUBINSize", "GetCUBIN", "GetPTXSize", "GetPTX"})
      text += fmt::format("int nvrtc{}() {{ return 0; }}\n", name);
    build(file(), text + "}\n");
  }
  void add_builtins() const { build(folder_.path() / builtins(), ""); }
  fs::path file() const { return folder_.path() / name(); }
  std::string name() const { return fmt::format("libnvrtc.so.99.{}", minor_); }
  std::string builtins() const { return fmt::format("libnvrtc-builtins.so.99.{}", minor_); }
  bool builtins_are_open() const { return dlopen(builtins().c_str(), RTLD_LAZY | RTLD_NOLOAD) != nullptr; }

 private:
  static void build(const fs::path& file, const std::string& text) {
    std::ofstream(file.string() + ".cpp") << text;
    const std::string command = fmt::format("c++ -shared -fPIC -Wl,-soname,{} -o {} {}.cpp",
                                            file.filename().string(), file.string(), file.string());
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }

  int minor_;
  TemporaryFolder folder_;
};

TEST(OpenNvrtc, opens_the_builtins_beside_it) {
  const MadeUpNvrtc nvrtc(1);
  nvrtc.add_builtins();
  const NvrtcLibrary library = open_nvrtc({nvrtc.file()});
  EXPECT_EQ(library.why, "");
  EXPECT_EQ(library.version, "99.1");
  EXPECT_TRUE(nvrtc.builtins_are_open());
}

// As through the run path of a program, or because somebody else has it open.
TEST(OpenNvrtc, opens_the_builtins_where_a_bare_name_led) {
  const MadeUpNvrtc nvrtc(2);
  nvrtc.add_builtins();
  ASSERT_TRUE(dlopen(nvrtc.file().c_str(), RTLD_NOW)) << dlerror();
  EXPECT_EQ(open_nvrtc({nvrtc.name()}).why, "");
  EXPECT_TRUE(nvrtc.builtins_are_open());
}

TEST(OpenNvrtc, opens_the_builtins_where_a_link_leads) {
  const MadeUpNvrtc nvrtc(3);
  nvrtc.add_builtins();
  const TemporaryFolder other;
  fs::create_symlink(nvrtc.file(), other.path() / "libnvrtc.so");
  EXPECT_EQ(open_nvrtc({other.path() / "libnvrtc.so"}).why, "");
  EXPECT_TRUE(nvrtc.builtins_are_open());
}

TEST(OpenNvrtc, passes_by_one_that_has_no_builtins) {
  const MadeUpNvrtc without(4), with(5);
  with.add_builtins();
  EXPECT_EQ(open_nvrtc({without.file(), with.file()}).version, "99.5");
  const NvrtcLibrary none = open_nvrtc({without.file(), "/nowhere/libnvrtc.so"});
  EXPECT_FALSE(none.present());
  EXPECT_THAT(none.why, HasSubstr(without.file().string() + ": its " + without.builtins() + " is neither"));
}

TEST(OpenNvrtc, looks_into_the_folders_of_the_variable_last) {
  const MadeUpNvrtc nvrtc(6);
  const EnvironmentValue unset("WARPFINCH_NVRTC", nullptr);
  const std::string folders = "/nowhere:" + nvrtc.file().parent_path().string();
  const EnvironmentValue path("WARPFINCH_NVRTC_PATH", folders.c_str());
  EXPECT_EQ(nvrtc_candidates().back(), nvrtc.file());
  const EnvironmentValue only("WARPFINCH_NVRTC", "/nowhere/libnvrtc.so");
  EXPECT_THAT(nvrtc_candidates(), Not(Contains(nvrtc.file().string())));
}

TEST(OpenNvrtc, takes_the_newest_version_of_a_folder_first) {
  const TemporaryFolder folder;
  for (const char* version : {"9.2", "13.0", "12.8"})
    std::ofstream(folder.path() / fmt::format("libnvrtc.so.{}", version)) << "no library";
  const EnvironmentValue unset("WARPFINCH_NVRTC", nullptr);
  const EnvironmentValue path("WARPFINCH_NVRTC_PATH", folder.path().c_str());
  const std::vector<std::string> candidates = nvrtc_candidates();
  ASSERT_GE(candidates.size(), 3u);
  EXPECT_EQ(candidates[candidates.size() - 3], folder.path() / "libnvrtc.so.13.0");
  EXPECT_EQ(candidates.back(), folder.path() / "libnvrtc.so.9.2");
}

}  // namespace
}  // namespace warpfinch
