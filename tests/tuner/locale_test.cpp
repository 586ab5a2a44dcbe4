// A host process may have set any locale. Where it writes decimals with a comma and thousands with points,
// all that Warpfinch reads and writes stays the same: kernels, programs, exports, JSON, database rows, lists
// of shapes.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <clocale>
#include <cstdio>
#include <fstream>
#include <locale>
#include <sstream>

#include "generator/generate.hpp"
#include "runtime/export.hpp"
#include "tests/runtime/temporary_folder.hpp"
#include "tests/tuner/made_up.hpp"
#include "tuner/config_database.hpp"
#include "tuner/evaluation_json.hpp"
#include "tuner/shapes.hpp"

namespace warpfinch {
namespace {

// A locale that knows nothing but how numbers look, made by localedef, which every glibc brings; so that none
// has to be installed.
class CommaLocale {
 public:
  CommaLocale() : before_(std::setlocale(LC_ALL, nullptr)), before_cpp_(std::locale()) {
    std::ofstream characters(folder_.path() / "ASCII");
    characters << "<code_set_name> ANSI_X3.4-1968\n<comment_char> %\n<escape_char> /\nCHARMAP\n";
    for (int code = 0; code < 128; ++code) {
      char line[64];
      std::snprintf(line, sizeof line, "<U%04X> /x%02x C%d\n", code, code, code);
      characters << line;
    }
    characters << "END CHARMAP\n" << std::flush;
    std::ofstream(folder_.path() / "comma")
        << "escape_char /\ncomment_char %\nLC_NUMERIC\ndecimal_point \"<U002C>\"\n"
           "thousands_sep \"<U002E>\"\ngrouping 3;3\nEND LC_NUMERIC\n";
    const std::string folder = folder_.path().string();
    // It complains about the categories that are not there; what counts is whether setlocale takes the
    // result.
    const std::string call =
        "cd '" + folder +
        "' && mkdir made && localedef -c --no-archive -f ./ASCII -i ./comma made/comma >log 2>&1";
    if (std::system(call.c_str()) == -1) return;
    setenv("LOCPATH", (folder + "/made").c_str(), 1);
    if (!std::setlocale(LC_ALL, "comma")) return;
    std::locale::global(std::locale(std::locale::classic(), new CommaNumbers));
    taken_ = std::string(std::localeconv()->decimal_point) == ",";
  }
  ~CommaLocale() {
    std::setlocale(LC_ALL, before_.c_str());
    std::locale::global(before_cpp_);
    unsetenv("LOCPATH");
  }
  bool taken() const { return taken_; }

 private:
  struct CommaNumbers : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  TemporaryFolder folder_;
  std::string before_;
  std::locale before_cpp_;
  bool taken_ = false;
};

// Kernels with numbers in them: scales, a max_offset, alpha, the join of splits, thousands of elements.
std::string kernels() {
  std::string text;
  for (const auto& [problem, config] : std::vector<std::pair<const char*, const char*>>{
           {"attention_forward q_heads=2 q_len=2048 head_dim=64 dtype=fp16", ""},
           {"attention_forward q_len=1 kv_len=4096 head_dim=128 scale=0.18",
            "kv_splits=2 consumer_warpgroups=1"},
           {"attention_forward q_len=128 head_dim=64 lse=true",
            "q_in=registers scale_q=true max_policy=sum_guard"},
           {"attention_three_kernel q_len=1200 head_dim=64 scale=0.3", ""},
           {"softmax rows=4096 columns=1000 scale=0.7", ""},
           {"gemm m=1000 n=1000 k=64 alpha=0.25", ""}}) {
    const Problem parsed = parse_problem(problem);
    const Expected<Plan> plan =
        generate(parsed, config[0] ? parse_config(config, parsed) : default_config(parsed), sm_90a());
    EXPECT_TRUE(plan) << plan.rejection().reason;
    for (const Launch& launch : plan->launches) text += launch.program + launch.source.kernel;
    text += to_text(parsed) + export_cuda(*plan, parsed);
  }
  return text;
}

std::string user_program() {
  std::ostringstream program;
  program << std::ifstream(WARPFINCH_SOURCE_DIR "/generator/examples/rms_norm.tir").rdbuf();
  const Expected<Plan> plan = generate_program(program.str(), sm_90a());
  EXPECT_TRUE(plan) << plan.rejection().reason;
  return plan->launches[0].program + plan->launches[0].source.kernel;
}

std::string rows() {
  const Evaluation row = made_up("gemm", "config", measured(1234.5, 0.125));
  const std::string line = to_line(to_json(row));
  EXPECT_EQ(evaluation_from_json(object_from_line(line)), row);
  ConfigDatabase database = ConfigDatabase::in_memory();
  database.record(row);
  EXPECT_EQ(database.evaluations(), std::vector<Evaluation>{row});
  ConfigDatabase other = ConfigDatabase::in_memory();
  other.import_json(database.export_json());
  EXPECT_EQ(other.evaluations(), std::vector<Evaluation>{row});
  return line + database.export_json();
}

std::string shapes() {
  const std::string yaml = "- problem: softmax rows=1024 columns=1000 scale=0.5\n  budget: 1.5s\n";
  const Shape shape = parse_shapes(yaml, "shapes")[0];
  return to_text(shape.problem) + to_text(*shape.budget);
}

TEST(Locales, comma_decimals_change_nothing) {
  const std::vector<std::string> before{kernels(), user_program(), rows(), shapes()};
  const CommaLocale comma;
  if (!comma.taken()) GTEST_SKIP() << "SKIPPED: localedef made no locale with comma decimals here";
  ASSERT_EQ(std::stod("0,5"), 0.5) << "the locale is not the process's";
  const std::vector<std::string> with_commas{kernels(), user_program(), rows(), shapes()};
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(before[i] == with_commas[i]) << with_commas[i];
}

}  // namespace
}  // namespace warpfinch
