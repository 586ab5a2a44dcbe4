// warpfinch_mutants: plants one fault of synchronisation at a time into right kernels and asks the emulator.
// Exit code 0: every original is clean, and every mutant caught or argued to be equivalent.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>

#include "generator/result.hpp"
#include "runtime/parallel.hpp"
#include "tools/mutants/mutant.hpp"
#include "tools/output.hpp"

namespace warpfinch::mutants {
namespace {

struct Options {
  std::string original, fault;  // substrings that choose
  int seeds = 5, sample = 0, threads = 1;
  bool list = false;
};

// Every n-th, so that a sample covers all programs and faults.
std::vector<Mutant> sampled(std::vector<Mutant> all, int count) {
  if (count <= 0 || static_cast<size_t>(count) >= all.size()) return all;
  std::vector<Mutant> some;
  for (int i = 0; i < count; ++i) some.push_back(std::move(all[all.size() * static_cast<size_t>(i) / count]));
  return some;
}

std::vector<Mutant> chosen(const std::vector<Original>& originals, const Options& options) {
  std::vector<Mutant> all;
  for (const Original& original : originals) {
    if (original.name.find(options.original) == std::string::npos) continue;
    for (Mutant& mutant : mutants_of(original))
      if (mutant.fault.find(options.fault) != std::string::npos) all.push_back(std::move(mutant));
  }
  return sampled(std::move(all), options.sample);
}

std::string describe(const Mutant& mutant) {
  const std::string place = fmt::format("{}.{}:{}", mutant.original, mutant.launch, mutant.line);
  return fmt::format("{:<28} {:<36} {}  =>  {}", place, mutant.fault, mutant.before, mutant.after);
}

struct Totals {
  int caught = 0, equivalent = 0, survived = 0;
  std::map<std::string, int> by_kind;  // of what caught it
};

void report(const Mutant& mutant, const Verdict& verdict, Totals& totals) {
  const std::string why = verdict.caught ? "" : why_equivalent(mutant);
  const char* word = verdict.caught ? "caught" : why.empty() ? "SURVIVED" : "equivalent";
  (verdict.caught ? totals.caught : why.empty() ? totals.survived : totals.equivalent)++;
  if (verdict.caught) ++totals.by_kind[verdict.how.substr(0, verdict.how.find(':'))];
  print_out("{:<10} {}\n", word, describe(mutant));
  if (verdict.caught || !why.empty()) print_out("           {}\n", verdict.caught ? verdict.how : why);
  flush_out();
}

// An emulator that cries over right kernels proves nothing about wrong ones.
bool originals_are_clean(const std::vector<Original>& originals, const Options& options) {
  bool clean = true;
  for (const Original& original : originals) {
    if (original.name.find(options.original) == std::string::npos) continue;
    Mutant unchanged;
    unchanged.plan = original.plan;
    const Verdict verdict = judge(unchanged, original, options.seeds);
    print_out("{:<10} {}  {}\n", verdict.caught ? "NOT CLEAN" : "clean", original.name, verdict.how);
    clean = clean && !verdict.caught;
  }
  return clean;
}

int run(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Original> all = originals();
  const std::vector<Mutant> mutants = chosen(all, options);
  if (options.list) {
    for (const Mutant& mutant : mutants) print_out("{}\n", describe(mutant));
    return 0;
  }
  std::map<std::string, const Original*> by_name;
  for (const Original& original : all) by_name[original.name] = &original;
  const bool clean = originals_are_clean(all, options);
  Totals totals;
  // Told in the order of the mutants, so that two runs can be compared line by line.
  std::vector<std::optional<Verdict>> verdicts(mutants.size());
  size_t told = 0;
  std::mutex mutex;
  parallel_for(static_cast<int64_t>(mutants.size()), options.threads, [&](int64_t i) {
    const Mutant& mutant = mutants[static_cast<size_t>(i)];
    Verdict verdict = judge(mutant, *by_name.at(mutant.original), options.seeds);
    const std::lock_guard lock(mutex);
    verdicts[static_cast<size_t>(i)] = std::move(verdict);
    for (; told < mutants.size() && verdicts[told]; ++told) report(mutants[told], *verdicts[told], totals);
  });
  for (const auto& [kind, count] : totals.by_kind) print_out("{:>5}  {}\n", count, kind);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  print_out("{} mutants: {} caught, {} equivalent, {} survived; {} seeds; {:.0f} s\n", mutants.size(),
            totals.caught, totals.equivalent, totals.survived, options.seeds, seconds.count());
  return clean && totals.survived == 0 ? 0 : 1;
}

}  // namespace
}  // namespace warpfinch::mutants

int main(int argc, char** argv) {
  using namespace warpfinch::mutants;
  CLI::App program("Plants faults of synchronisation into kernels and asks the emulator for each.",
                   "warpfinch_mutants");
  Options options;
  program.add_option("--original", options.original, "Only programs whose name holds this");
  program.add_option("--fault", options.fault, "Only faults whose name holds this");
  program.add_option("--seeds", options.seeds, "Schedule seeds until one shows it")->capture_default_str();
  program.add_option("--sample", options.sample, "So many mutants, evenly over all");
  program.add_option("--threads", options.threads, "Mutants at a time")->capture_default_str();
  program.add_flag("--list", options.list, "Only list the mutants");
  CLI11_PARSE(program, argc, argv);
  try {
    const int code = run(options);
    warpfinch::flush_out();
    return code;
  } catch (const std::exception& error) {
    warpfinch::print_error(fmt::format("warpfinch_mutants: {}\n", warpfinch::one_line(error.what())));
    return 2;
  }
}
