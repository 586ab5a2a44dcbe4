// The host compiler: found, asked what it is, run on the kernel's host text. What it built is cached.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <xxhash.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>

#include "generator/result.hpp"
#include "runtime/descriptor.hpp"
#include "runtime/emulator/kernel.hpp"
#include "runtime/process_group.hpp"
#include "runtime/work_folder.hpp"

namespace warpfinch::emulator {
namespace {

namespace fs = std::filesystem;

// -ffp-contract=off: a product and a sum are one instruction only where the kernel says so.
const std::vector<std::string> kOptions = {"-std=c++20",
                                           "-O1",
                                           "-fPIC",
                                           "-shared",
                                           "-w",
                                           "-ffp-contract=off",
                                           "-fno-math-errno",
                                           "-fno-exceptions",
                                           "-fno-strict-aliasing"};

constexpr double kLookSeconds = 0.05;  // how often a stop is looked for

std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// CXX may be several words ("ccache g++").
std::vector<std::string> compiler_words() {
  const char* named = std::getenv("CXX");
  std::istringstream words(named && *named ? named : "c++");
  std::vector<std::string> result;
  for (std::string word; words >> word;) result.push_back(word);
  return result;
}

std::string first_error(const std::string& log) {
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);)
    if (line.find("error") != std::string::npos) return line;
  return log.substr(0, log.find('\n'));
}

// How a program ended that did not do its work, with the first line that says "error", else the first.
std::string failure_text(int status, const std::string& output) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  const std::string how = fmt::format("ended with status {}", WEXITSTATUS(status));
  const std::string said = first_error(output);
  return said.empty() ? how + " and said nothing" : fmt::format("{}: {}", how, said);
}

// Empty where the program did its work, else what went wrong. Both its outputs go to `output`.
std::string run_program(const std::vector<std::string>& words, const fs::path& output,
                        const std::stop_token& stop) {
  try {
    const Descriptor nothing = open_file("/dev/null", O_RDONLY),
                     file = open_file(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ProcessGroup program(words, {nothing.number(), file.number(), file.number()});
    while (!program.ended_within(kLookSeconds))
      if (stop.stop_requested()) return "was stopped";
    return program.status() <= 0 ? "" : failure_text(program.status(), content(output));
  } catch (const Error& error) {
    return fmt::format("fails: {}", error.what());
  }
}

// What `words` print.
std::string output_of(const std::vector<std::string>& words, const std::stop_token& stop) {
  const WorkFolder folder;
  const std::string fault = run_program(words, folder.path() / "output", stop);
  if (fault.empty()) return content(folder.path() / "output");
  fail_environment(
      fmt::format("the emulator needs a C++20 compiler, and '{}' {}; install g++, or set CXX to a compiler",
                  fmt::join(words, " "), fault));
}

// Everything about the compiler that an object depends on: its words, its version, and the macros that it
// defines. Those say what -march=native means on this CPU, and so which CPUs the object runs on. Asked once
// per process and compiler.
std::string identity_of(const std::vector<std::string>& words, const std::stop_token& stop) {
  static std::mutex mutex;
  static std::map<std::vector<std::string>, std::string> known;
  const std::lock_guard lock(mutex);
  std::string& identity = known[words];
  if (!identity.empty()) return identity;
  std::vector<std::string> version = words, macros = words;
  version.push_back("--version");
  macros.insert(macros.end(), {"-dM", "-E", "-x", "c++", "/dev/null"});
  return identity = fmt::format("{}\n{}\n{}", fmt::join(words, " "), output_of(version, stop),
                                output_of(macros, stop));
}

std::string key_of(const std::string& text, const std::string& compiler) {
  const std::string all = fmt::format("{}\n{}\n{}", text, compiler, fmt::join(kOptions, " "));
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  return fmt::format("{:016x}{:016x}-e", hash.high64, hash.low64);
}

std::string compile(const CudaSource& source, const std::string& text, std::vector<std::string> words,
                    const std::stop_token& stop) {
  const WorkFolder folder;
  const fs::path file = folder.write(source.entry + ".cpp", text), object = folder.path() / "kernel.so";
  const std::string compiler = fmt::format("{}", fmt::join(words, " "));
  words.insert(words.end(), kOptions.begin(), kOptions.end());
  words.insert(words.end(), {"-o", object.string(), file.string()});
  if (const std::string fault = run_program(words, folder.path() / "log", stop); !fault.empty())
    fail_environment(fmt::format("the host compiler '{}', given the emulated kernel {}, {}", compiler,
                                 source.entry, fault));
  return content(object);
}

}  // namespace

std::string build_object(const CudaSource& source, KernelCache& cache, const std::stop_token& stop) {
  const std::vector<std::string> words = compiler_words();
  const std::string text = host_text(source);
  const std::string key = key_of(text, identity_of(words, stop));
  if (auto object = cache.get(key)) return *std::move(object);
  std::string object = compile(source, text, words, stop);
  cache.put(key, object);
  return object;
}

}  // namespace warpfinch::emulator
