// Standard streams that cannot be written, and what may not be written into them.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGood = "$W show --problem 'gemm m=64 n=64 k=64' --stage cuda";
const std::string kBad = "$W show --problem 'gem m=1'";

TEST(Output, AFailureKeepsItsCodeWhenNobodyCanReadWhy) {
  const Program program;
  for (const std::string nowhere : {" 2>/dev/full", " 2>&-", " 2>&- >&-", " 2>/dev/full >/dev/full <&-"}) {
    EXPECT_EQ(program.shell(kBad + nowhere).code, 2) << nowhere;
    EXPECT_EQ(program.shell("$W fly" + nowhere).code, 2) << nowhere;
    EXPECT_EQ(program.shell("$W export --problem 'gemm m=64 n=64 k=64' -o /dev/full" + nowhere).code, 1);
  }
  EXPECT_EQ(program.shell(kGood + " 2>&-").code, 0);
  EXPECT_EQ(program.shell(kGood + " 2>/dev/full").code, 0);
}

TEST(Output, WhatCannotBePrintedIsAFailure) {
  const Program program;
  for (const std::string command :
       {kGood, kGood + " --json", std::string("$W devices"), std::string("$W --help"),
        std::string("$W --version"), std::string("$W database export --help"),
        std::string("$W database list"), std::string("$W cache prune"),
        std::string("$W export --problem 'gemm m=64 n=64 k=64' -o -")}) {
    const Finished full = program.shell(command + " >/dev/full");
    EXPECT_EQ(full.code, 1) << command;
    EXPECT_THAT(full.err, StartsWith("warpfinch: standard output cannot be written: ")) << command;
    EXPECT_EQ(std::count(full.err.begin(), full.err.end(), '\n'), 1) << full.err;
    const Finished closed = program.shell(command + " >&-");
    EXPECT_EQ(closed.code, 1) << command;
    EXPECT_THAT(closed.err, AllOf(StartsWith("warpfinch: standard output cannot be written"),
                                  HasSubstr(command.find("help") == std::string::npos &&
                                                    command.find("version") == std::string::npos
                                                ? "Bad file descriptor"
                                                : "standard output")))
        << command;
    EXPECT_EQ(program.shell(command + " >&- 2>&-").code, 1) << command;
  }
}

// A word that was lost is a failure where all else went well.
TEST(Output, AWarningThatIsLostIsAFailure) {
  Program program;
  program.set("WARPFINCH_CACHE_DIR", "/dev/null/cache");
  EXPECT_EQ(program.shell("$W cache prune").code, 0);
  EXPECT_EQ(program.shell("$W cache prune 2>/dev/full").code, 1);
}

// More than a pipe holds, and a reader who takes nothing.
TEST(Output, AReaderWhoGoesAwayIsAFailureOfTheProgramAndNoCrash) {
  const Program program;
  const Finished gone =
      program.shell("{ trap '' PIPE; " + kGood + " --inlined 2>$D/said; echo $? >$D/code; } | true");
  EXPECT_EQ(program.read("code"), "1\n");
  EXPECT_EQ(program.read("said"), "warpfinch: standard output cannot be written: Broken pipe\n");
}

// A stream that was closed must not be the number of a file that is opened later.
TEST(Output, ClosedStreamsDoNotLeakIntoFiles) {
  const Program program;
  const std::string export_to = "$W export --problem 'gemm m=64 n=64 k=64' -o $D/";
  program.shell(export_to + "right.cu");
  EXPECT_EQ(program.shell(export_to + "k.cu <&- >&- 2>&-").code, 1);  // it had a summary to print
  EXPECT_EQ(program.read("k.cu"), program.read("right.cu"));
  program.write("rows", "no row");
  EXPECT_EQ(program.shell("$W database import $D/rows --database $D/new.db <&- >&- 2>&-").code, 2);
  EXPECT_THAT(program.read("new.db"), testing::Not(HasSubstr("warpfinch: ")));
}

// --- words of others ---------------------------------------------------------------------------------
const std::string kEscape = "\x1b[31mred\x07\x7f\xc2\x9b\xff\r";

void expect_readable(const Finished& finished, const std::string& what) {
  EXPECT_THAT(finished.code, testing::AnyOf(1, 2)) << what;
  EXPECT_THAT(finished.err, StartsWith("warpfinch: ")) << what;
  EXPECT_LT(finished.err.size(), 2200U) << what;
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << what << finished.err;
  for (const unsigned char c : finished.err)
    EXPECT_TRUE((c >= ' ' && c != 0x7f && c != 0xff) || c == '\n') << what << " lets " << int{c} << " pass";
  EXPECT_EQ(finished.err.find("\xc2\x9b"), std::string::npos) << what;
}

// Every place on the command line and in files where somebody else's words come in.
std::vector<std::vector<std::string>> calls_with(const Program& program, const std::string& word) {
  const std::string gemm = "gemm m=64 n=64 k=64", emulator = "emulator:sm_90a";
  const auto file = [&](const std::string& content) {
    static int number = 0;
    return program.write("file" + std::to_string(++number), content);
  };
  return {{word},
          {"--" + word},
          {"show", word},
          {"show", "--problem", word},
          {"show", "--problem", gemm + " " + word},
          {"show", "--problem", gemm + " " + word + "=1"},
          {"show", "--problem", gemm + " dtype=" + word},
          {"show", "--problem", gemm, "--config", word + "=1"},
          {"show", "--problem", gemm, "--config", "stages=" + word},
          {"show", "--problem", gemm, "--config", word + "{"},
          {"show", "--problem", "attention_three_kernel q_len=64 head_dim=64", "--config", word + ":{}"},
          {"show", "--problem", gemm, "--target", word},
          {"show", "--problem", gemm, "--stage", word},
          {"show", "--program", word},
          {"show", "--program", file(word)},
          {"show", "--program", file("kernel k target=sm_90a { param @" + word)},
          {"show", "--program", file("kernel k " + word + "=" + word)},
          {"show", "--problem", gemm, "--database", word},
          {"export", "--problem", gemm, "-o", "/nowhere/" + word},
          {"space", "--problem", gemm, "--limit", word},
          {"cache", "prune", "--limit", word},
          {"run", "--problem", gemm, "--device", word},
          {"run", "--problem", gemm, "--device", emulator + word},
          {"run", "--problem", gemm, "--device", emulator, "--schedule-seed", word},
          {"run", "--problem", gemm, "--device", emulator, "--tensor", word},
          {"run", "--problem", gemm, "--device", emulator, "--tensor", word + "=bf16[1]@zeros"},
          {"run", "--problem", gemm, "--device", emulator, "--tensor", "a=" + word + "[1]@zeros"},
          {"run", "--problem", gemm, "--device", emulator, "--tensor", "a=bf16[1,64,64]@" + word},
          {"run", "--problem", gemm, "--device", emulator, "--output", word},
          {"run", "--problem", gemm, "--device", emulator, "--output", word + "=y"},
          {"run", "--problem", gemm, "--device", emulator, "--output", "c=/nowhere/" + word},
          {"run", "--problem", gemm, "--device", emulator, "--spread", word},
          {"tune", "--problem", gemm, "--budget", word},
          {"tune", "--problem", gemm, "--jobs", word},
          {"tune", "--problem", gemm, "--device", word},
          {"tune", "--shapes", word},
          {"tune", "--shapes", file("- " + word)},
          {"tune", "--shapes", file(word + ": 1")},
          {"tune", "--shapes", file("- \"" + gemm + " q=\\e[31m\"")},
          {"database", "import", word},
          {"database", "import", file(word)},
          {"database", "import", file("{\"problem\": [\"" + word + "\"]}")},
          {"database", word},
          {"bench", "--problem", gemm, "--csv", "/nowhere/" + word}};
}

TEST(Words, OfOthersNeitherSteerATerminalNorFillIt) {
  const Program program;
  for (const std::string& word : {kEscape, std::string(33000, 'x')})
    for (const std::vector<std::string>& call : calls_with(program, word)) {
      std::string what;
      for (const std::string& part : call) what += " " + part.substr(0, 60);
      expect_readable(program(call), what);
    }
}

TEST(Words, OfTheEnvironmentAreNoExceptions) {
  Program program;
  program.set("WARPFINCH_NVRTC", "/nowhere/" + kEscape);
  expect_readable(program({"show", "--problem", "gemm m=64 n=64 k=64", "--stage", "ptx"}), "WARPFINCH_NVRTC");
  program.set("WARPFINCH_CACHE_DIR", "/nowhere\n/" + kEscape);
  const Finished warned = program.shell("$W cache prune >/dev/null");
  EXPECT_EQ(warned.err.find('\x1b'), std::string::npos) << warned.err;
}

TEST(Words, OfRowsAreNoExceptions) {
  const Program program;
  const std::string row =
      R"({"problem":"p\u001b[31m","config":"c\u001b","digest":"d","outcome":"predicted","predicted_us":1.5,)"
      R"("device":"\u001b]0;model","driver":"","nvrtc":"","time":"\u0007"})";
  ASSERT_EQ(
      program({"database", "import", program.write("rows", row), "--database", program.path("d.db")}).code,
      0);
  for (const char* command : {"list", "show"}) {
    const Finished shown = program({"database", command, "--database", program.path("d.db")});
    EXPECT_THAT(shown.out, HasSubstr("p\\x1b[31m"));
    EXPECT_EQ(shown.out.find_first_of("\x1b\x07"), std::string::npos) << command;
  }
}

TEST(Words, ThatAreMissingAreNoDefault) {
  const Program program;
  for (const std::string option :
       {"--config", "--program", "--database", "--device", "--target", "--problem"}) {
    const Finished refused = program({"show", "--problem", "gemm m=64 n=64 k=64", option, ""});
    EXPECT_EQ(refused.code, 2) << option;
    EXPECT_THAT(refused.err, StartsWith("warpfinch: " + option));
  }
}

TEST(Environment, AFolderForTemporaryFilesThatIsNoneIsNamed) {
  Program program;
  program.set("TMPDIR", "/nowhere");
  const Finished ran =
      program({"run", "--problem", "softmax rows=2 columns=8", "--device", "emulator:sm_90a"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("TMPDIR is '/nowhere'"));
}

}  // namespace
}  // namespace warpfinch
