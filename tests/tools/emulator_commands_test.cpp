// The emulator on the command line: it stands where a GPU stands, but for what only a clock can say.
#include <gmock/gmock.h>

#include "generator/target.hpp"
#include "tests/tools/program.hpp"

namespace warpfinch {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kEmulator = "emulator:sm_90a";
const std::string kGemm = "gemm m=70 n=64 k=64";

// Every tile of the grid stores to the same place.
const std::string kRace = R"(kernel racy target=sm_90a {
  param @x fp32 [128, 64]
  param @y fp32 [64, 64] out
  register %x fp32 [64, 64]
  grid m in 0 .. 128 step 64 {
    load %x, @x[m, 0]
    store @y[0, 0], %x
  }
}
)";

TEST(EmulatorCommands, run_checks_a_problem) {
  const Program program;
  const Finished run = program(
      {"run", "--device", kEmulator, "--schedule-seed", "3", "--problem", kGemm, "--check", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto line = run.objects().at(0);
  EXPECT_EQ(line["device"], kEmulator);
  EXPECT_EQ(line["ok"], true);
  EXPECT_EQ(line["checked"], 70 * 64);
}

TEST(EmulatorCommands, a_check_takes_every_kind_of_inputs_or_the_one_that_is_named) {
  const Program program;
  const std::vector<std::string> words{"run",   "--device", kEmulator,  "--problem",
                                       kGemm,   "--check",  "--output", "c=" + program.path("c.npy"),
                                       "--json"};
  const auto line_of = [&](std::vector<std::string> more) {
    more.insert(more.begin(), words.begin(), words.end());
    const Finished run = program(more);
    EXPECT_EQ(run.code, 0) << run.err;
    return run.objects().at(0);
  };
  const auto all = line_of({});
  double worst = 0;
  for (const std::string kind : {"random", "constant", "one_sided", "identity"}) {
    const auto one = line_of({"--inputs", kind});
    EXPECT_EQ(one["inputs"], kind);
    worst = std::max(worst, one["max_error"].get<double>());
    if (all["inputs"] == kind) EXPECT_EQ(all["max_error"], one["max_error"]);
  }
  EXPECT_EQ(all["max_error"], worst);
  EXPECT_EQ(line_of({"--tensor", "a=bf16[1,70,64]@random"})["inputs"], "random");
}

TEST(EmulatorCommands, the_line_to_paste_names_the_inputs) {
  const Program program;
  const std::string file = program.write("racy.tir", kRace);
  const Finished run = program({"run", "--device", kEmulator, "--program", file, "--inputs", "identity"});
  EXPECT_THAT(run.err, EndsWith("--program " + file + " --inputs identity\n"));
  const Finished refused = program({"run", "--device", kEmulator, "--problem", kGemm, "--inputs", "zeros"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("--inputs"), HasSubstr("one_sided")));
}

TEST(EmulatorCommands, run_reports_the_race_of_a_program_and_how_to_see_it_again) {
  const Program program;
  const std::string file = program.write("my racy.tir", kRace);
  const Finished run =
      program({"run", "--device", kEmulator, "--schedule-seed", "5", "--program", file, "--input-seed", "3"});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(
      run.err,
      AllOf(StartsWith("warpfinch: data race: "), HasSubstr("store(y_global"), HasSubstr("schedule seed 5"),
            EndsWith("\n\nreproduce: warpfinch run --device emulator:sm_90a,seed=5 --program '" + file +
                     "' --input-seed 3\n")));
}

TEST(EmulatorCommands, the_line_to_paste_has_the_seed_of_the_device) {
  const Program program;
  const std::string file = program.write("racy.tir", kRace);
  const Finished run = program(
      {"run", "--device", "emulator:sm_90a,seed=7", "--program", file, "--tensor", "x=fp32[128,64]@random"});
  EXPECT_THAT(run.err, EndsWith("reproduce: warpfinch run --device emulator:sm_90a,seed=7 --program " + file +
                                " --tensor 'x=fp32[128,64]@random'\n"));
}

TEST(EmulatorCommands, a_program_that_does_not_end_is_ended_by_the_limit) {
  const Program program;
  const std::string file = program.write("endless.tir", R"(kernel endless target=sm_90a {
  param @x fp32 [64, 64]
  param @y fp32 [64, 64] out
  register %x fp32 [64, 64]
  grid m in 0 .. 64 step 64 {
    load %x, @x[m, 0]
    for k in 0 .. 2000000000 step 1 {
      multiply %x, %x, 0.5
    }
    store @y[m, 0], %x
  }
}
)");
  const Finished run = program({"run", "--device", "emulator:sm_90a,limit=1", "--program", file});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, AllOf(StartsWith("warpfinch: does not end: still running after 1 s (IR line "),
                             HasSubstr("multiply(x_tile")));
}

TEST(EmulatorCommands, tune_checks_and_predicts) {
  const Program program;
  const std::string database = program.path("configs.db");
  const Finished tune = program({"tune", "--device", kEmulator, "--problem", "softmax rows=64 columns=200",
                                 "--budget", "2", "--database", database, "--json"});
  ASSERT_EQ(tune.code, 0) << tune.err;
  EXPECT_THAT(tune.err, HasSubstr("predicted by the static model"));
  const auto best = tune.objects().back()["best"];
  EXPECT_EQ(best["outcome"], "predicted");
  EXPECT_EQ(best["device"], kEmulator);
}

TEST(EmulatorCommands, emulate_stands_in_front_of_the_model) {
  const Program program;
  const Finished tune = program({"tune", "--emulate", "--schedule-seed", "2", "--problem",
                                 "softmax rows=64 columns=200", "--budget", "1", "--json"});
  ASSERT_EQ(tune.code, 0) << tune.err;
  EXPECT_EQ(tune.objects().back()["best"]["device"], kEmulator);
}

TEST(EmulatorCommands, what_does_not_go_is_one_line) {
  const Program program;
  const auto refusal = [&](const std::vector<std::string>& words) {
    const Finished finished = program(words);
    EXPECT_EQ(finished.code, 2);
    return finished.err;
  };
  EXPECT_EQ(refusal({"bench", "--device", kEmulator, "--problem", kGemm}),
            "warpfinch: bench: emulator:sm_90a runs kernels on the CPU and cannot time them; `warpfinch run "
            "--check` takes it\n");
  EXPECT_THAT(refusal({"run", "--schedule-seed", "1", "--problem", kGemm}),
              HasSubstr("not with device 'cuda:0'"));
  EXPECT_THAT(refusal({"tune", "--schedule-seed", "1", "--problem", kGemm}), HasSubstr("--emulate"));
  for (const char* seed : {"-1", "99999999999999999999999", "7x"})
    EXPECT_THAT(
        refusal({"run", "--device", kEmulator, "--schedule-seed", seed, "--problem", kGemm}),
        HasSubstr(std::string("--schedule-seed: '") + seed + "' should be a whole number from 0 to "));
  for (const char* command : {"run", "tune"})
    EXPECT_EQ(
        refusal({command, "--device", kEmulator + ",seed=7", "--schedule-seed", "3", "--problem", kGemm}),
        "warpfinch: device 'emulator:sm_90a,seed=7' has a schedule seed, and 3 was given beside it; one "
        "of them is enough\n");
  EXPECT_THAT(refusal({"run", "--device", "emulator:sm_70", "--problem", kGemm}),
              HasSubstr("unknown target 'sm_70'; known: sm_90a, sm_80, "));
}

TEST(EmulatorCommands, a_machine_without_a_host_compiler_says_what_is_missing) {
  Program program;
  program.set("CXX", "no-such-compiler");
  const Finished run = program({"run", "--device", kEmulator, "--problem", kGemm});
  EXPECT_EQ(run.code, 1);
  EXPECT_THAT(run.err, AllOf(StartsWith("warpfinch: "), HasSubstr("no-such-compiler"), HasSubstr("CXX")));
}

TEST(EmulatorCommands, says_how_a_host_compiler_failed) {
  Program program;
  const auto with_compiler = [&](const std::string& end) {
    // What it is, it says: its version and its macros.
    const std::string file =
        program.write("cxx", "#!/bin/sh\ncase $1 in --version | -dM) exec echo 1 ;; esac\n" + end);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    program.set("CXX", file);
    return program({"run", "--device", kEmulator, "--problem", kGemm}).err;
  };
  EXPECT_THAT(with_compiler("exit 3\n"),
              EndsWith("given the emulated kernel gemm, ended with status 3 and said nothing\n"));
  EXPECT_THAT(with_compiler("kill -9 $$\n"),
              EndsWith("given the emulated kernel gemm, was killed by signal 9\n"));
  EXPECT_THAT(with_compiler("echo warning; echo an error here; exit 1\n"),
              EndsWith("given the emulated kernel gemm, ended with status 1: an error here\n"));
}

TEST(EmulatorCommands, devices_lists_it_beside_the_gpus) {
  const Program program;
  EXPECT_THAT(program({"devices"}).out, HasSubstr("emulator emulator:sm_90a"));
  std::vector<std::string> seen;
  for (const auto& line : program({"devices", "--json"}).objects()) {
    if (line["kind"] != "emulator") continue;
    seen.push_back(line["target"]);
    EXPECT_EQ(line["device"], "emulator:" + seen.back());
  }
  std::vector<std::string> rows;
  for (const Target& target : targets()) rows.push_back(target.name);
  EXPECT_EQ(seen, rows);
}

}  // namespace
}  // namespace warpfinch
