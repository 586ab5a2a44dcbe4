// Files that a command writes and reads: what stands at the place stays what it is (a link, its mode, its
// other names, a pipe), and is whole before and after.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kProblem = "softmax rows=64 columns=64";
const std::string kScript = "$W export --problem '" + kProblem + "' -o ";

class WrittenFiles : public testing::Test {
 protected:
  Finished write_to(const std::string& name) const {
    return program_({"export", "--problem", kProblem, "-o", program_.path(name)});
  }
  void expect_written(const Finished& finished, const std::string& name) const {
    EXPECT_EQ(finished.code, 0) << finished.err;
    expect_text(program_.read(name), whole_);
    for (const auto& entry : fs::directory_iterator(program_.path("")))
      EXPECT_NE(entry.path().extension(), ".partial") << "left behind: " << entry.path();
  }
  // Without printing both where they differ: an exported kernel has 2000 lines.
  static void expect_text(const std::string& text, const std::string& wanted) {
    EXPECT_TRUE(text == wanted) << text.size() << " bytes, wanted " << wanted.size() << ": "
                                << text.substr(0, 200);
  }
  mode_t mode_of(const std::string& name) const {
    struct stat status {};
    EXPECT_EQ(stat(program_.path(name).c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  const Program program_;
  const std::string whole_ = program_({"export", "--problem", kProblem, "-o", "-"}).out;
};

TEST_F(WrittenFiles, ALinkStaysALinkToWhatIsWritten) {
  fs::create_directory(program_.path("kernels"));
  program_.write("kernels/k.cu", "old");
  fs::create_symlink("kernels/k.cu", program_.path("near"));
  fs::create_symlink("near", program_.path("far"));
  expect_written(write_to("far"), "kernels/k.cu");
  EXPECT_EQ(fs::read_symlink(program_.path("far")), "near");
  EXPECT_EQ(fs::read_symlink(program_.path("near")), "kernels/k.cu");
}

TEST_F(WrittenFiles, ALinkToNoFileYetMakesIt) {
  fs::create_symlink("new.cu", program_.path("link"));
  expect_written(write_to("link"), "new.cu");
  EXPECT_TRUE(fs::is_symlink(program_.path("link")));
  fs::create_symlink("itself", program_.path("itself"));
  EXPECT_EQ(write_to("itself").code, 2);
}

TEST_F(WrittenFiles, ModesAndOtherNamesStay) {
  for (const mode_t mode : {0600, 0640, 0755, 0666}) {
    chmod(program_.write("k.cu", "old").c_str(), mode);
    expect_written(write_to("k.cu"), "k.cu");
    EXPECT_EQ(mode_of("k.cu"), mode);
  }
  fs::create_hard_link(program_.path("k.cu"), program_.path("other.cu"));
  program_.write("k.cu", "old");
  expect_written(write_to("k.cu"), "other.cu");
  expect_written(program_.shell("umask 027; " + kScript + "$D/new.cu"), "new.cu");
  EXPECT_EQ(mode_of("new.cu"), 0640);
}

TEST_F(WrittenFiles, StandardOutputByAnotherNameIsStandardOutput) {
  // Not /dev/stdout, which a program without this would replace where root runs the tests.
  for (const std::string name : {"/proc/self/fd/1", "/dev/fd/1", "$D/link", "$D/k.cu", "-"}) {
    SCOPED_TRACE(name);
    program_.shell("rm -f $D/link $D/k.cu; ln -s /proc/self/fd/1 $D/link");
    expect_written(program_.shell(kScript + name + " > $D/k.cu"), "k.cu");
    const Finished appended =
        program_.shell("echo before > $D/k.cu; { " + kScript + name + " && echo behind; } >> $D/k.cu");
    EXPECT_EQ(appended.code, 0) << appended.err;
    expect_text(program_.read("k.cu"), "before\n" + whole_ + "behind\n");
    if (name != "$D/k.cu") expect_text(program_.shell(kScript + name + " | cat").out, whole_);
    EXPECT_EQ(fs::read_symlink(program_.path("link")), "/proc/self/fd/1");
  }
}

TEST_F(WrittenFiles, PipesAndOpenFilesAreWrittenDirectly) {
  expect_text(program_.shell("mkfifo $D/pipe; cat $D/pipe & " + kScript + "$D/pipe > $D/said; wait").out,
              whole_);
  EXPECT_TRUE(fs::is_fifo(program_.path("pipe")));
  EXPECT_EQ(program_.shell("{ " + kScript + "/dev/fd/5 && echo behind >&5; } 5> $D/five").code, 0);
  expect_text(program_.read("five"), whole_ + "behind\n");
}

// The shell lets writing fail at 512 bytes, as a full disk would.
TEST_F(WrittenFiles, AFailureLeavesTheOldFileWhole) {
  program_.write("k.cu", "old");
  const Finished failed = program_.shell("trap '' XFSZ; ulimit -f 1; " + kScript + "$D/k.cu");
  EXPECT_EQ(failed.code, 1);
  EXPECT_THAT(failed.err, AllOf(StartsWith("warpfinch: cannot write "), HasSubstr("k.cu: File too large")));
  EXPECT_EQ(program_.read("k.cu"), "old");
  EXPECT_EQ(program_.shell("ls -A $D | grep partial").out, "");
}

// As somebody whom permissions bind: as root, as nobody.
TEST_F(WrittenFiles, PermissionsOfFileAndFolderAreTwoThings) {
  const std::string as_somebody =
      geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : std::string();
  const std::string export_to = as_somebody + kScript;
  fs::create_directory(program_.path("folder"));
  const std::string file = program_.write("folder/k.cu", "old");
  chmod(program_.path("").c_str(), 0755);
  if (program_.shell(as_somebody + "$W --version").code != 0)
    GTEST_SKIP() << "root cannot become a user who may run the program (setpriv, or the build's folder)";
  chmod(file.c_str(), 0666);
  chmod(program_.path("folder").c_str(), 0555);
  expect_written(program_.shell(export_to + "$D/folder/k.cu"), "folder/k.cu");
  EXPECT_EQ(mode_of("folder/k.cu"), 0666U);
  program_.write("folder/k.cu", "old");
  chmod(file.c_str(), 0444);
  chmod(program_.path("folder").c_str(), 0777);
  const Finished refused = program_.shell(export_to + "$D/folder/k.cu");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("Permission denied"));
  EXPECT_EQ(program_.read("folder/k.cu"), "old");
  EXPECT_EQ(mode_of("folder/k.cu"), 0444U);
}

TEST_F(WrittenFiles, NamesAsLongAsTheSystemAllows) {
  const std::string longest(255, 'k');
  expect_written(write_to(longest), longest);
  EXPECT_EQ(write_to(longest + "k").code, 2);
  const Finished written = write_to("a line\nfeed");
  expect_written(written, "a line\nfeed");
  EXPECT_THAT(written.out, HasSubstr("a line feed: "));
}

TEST_F(WrittenFiles, EveryCommandRefusesAPlaceWithTheSameCode) {
  const std::string gemm = "gemm m=64 n=64 k=64";
  for (const std::string place : {"/nowhere/x", "/", "/dev/null/x"}) {
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"export", "--problem", gemm, "-o", place},
             {"database", "export", "-o", place},
             {"bench", "--problem", gemm, "--csv", place},
             {"run", "--problem", gemm, "--device", "emulator:sm_90a", "--output", "c=" + place}}) {
      const Finished refused = program_(words);
      EXPECT_EQ(refused.code, 2) << words[0] << " " << place << " " << refused.err;
      EXPECT_THAT(refused.err, HasSubstr("cannot write " + place));
    }
  }
}

TEST_F(WrittenFiles, TensorsGoTheSameWay) {
  program_.write("y.npy", "old");
  chmod(program_.path("y.npy").c_str(), 0600);
  fs::create_symlink("y.npy", program_.path("link"));
  const Finished ran = program_({"run", "--device", "emulator:sm_90a", "--problem",
                                 "softmax rows=2 columns=8", "--output", "y=" + program_.path("link")});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(program_.read("y.npy"), StartsWith("\x93NUMPY"));
  EXPECT_EQ(mode_of("y.npy"), 0600U);
  EXPECT_TRUE(fs::is_symlink(program_.path("link")));
}

// --- reading -----------------------------------------------------------------------------------------
const char* const kRow =
    R"({"problem":"p","config":"c","digest":"d","outcome":"predicted","predicted_us":1.5,)"
    R"("device":"model:sm_90a","driver":"","nvrtc":"","time":"2026-01-01T00:00:00.000Z"})";

// How a script can hand over a text that stands in $D/text: each is a redirection or pipe around `command`.
struct Way {
  const char *name, *file, *before, *behind;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.before << "… " << way.file << way.behind; }
class ReadFiles : public testing::TestWithParam<Way> {
 protected:
  Finished read(const std::string& text, const std::string& command) const {
    program_.write("text", text);
    const Way& way = GetParam();
    return program_.shell(way.before + std::string("$W ") + command + " " + way.file + way.behind);
  }
  const Program program_;
};

TEST_P(ReadFiles, AllThatReadTakeIt) {
  const std::string ir = program_({"show", "--problem", kProblem, "--stage", "ir"}).out;
  EXPECT_EQ(read(ir, "show --stage ir --program").out, ir);
  EXPECT_EQ(read(kRow, "database import --json --database $D/rows.db").objects().at(0)["added"], 1);
  // Without a GPU a list is read, and then the GPU is missed.
  EXPECT_THAT(read("- " + kProblem + "\n", "bench --shapes").err, HasSubstr("GPU"));
  const Finished broken = read("- " + kProblem + "\nx\n", "bench --shapes");
  EXPECT_EQ(broken.code, 2);
  EXPECT_THAT(broken.err, HasSubstr(":2:1: text behind the end of the list"));
}

INSTANTIATE_TEST_SUITE_P(Ways, ReadFiles,
                         testing::Values(Way{"file", "$D/text", "", ""}, Way{"input", "-", "", " < $D/text"},
                                         Way{"pipe", "-", "cat $D/text | ", ""},
                                         Way{"name_of_pipe", "/dev/stdin", "cat $D/text | ", ""}),
                         [](const auto& info) { return info.param.name; });

TEST(ReadPlaces, FoldersAndUnreadableFilesAreNamed) {
  const Program program;
  for (const std::string command : {"show --program", "bench --shapes", "tune --shapes", "database import"}) {
    const Finished folder = program.shell("$W " + command + " $D");
    EXPECT_EQ(folder.code, 2) << command;
    EXPECT_THAT(folder.err, AllOf(StartsWith("warpfinch: cannot read /"), HasSubstr("s a directory")));
    EXPECT_THAT(program.shell("$W " + command + " /proc/self/mem").err,
                HasSubstr("cannot read /proc/self/mem: "));
    EXPECT_THAT(program.shell("$W " + command + " - <&-").err,
                HasSubstr("cannot read standard input: Bad file descriptor"));
  }
}

}  // namespace
}  // namespace warpfinch
